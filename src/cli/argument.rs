//! Arguments that several commands have: the script and its constants, how far
//! an exploration may go; and how sizes and times are written.

use clap::Args;

/// Which script, and with what.
#[derive(Args)]
pub struct ScriptArgs {
    /// The script; - is standard input
    #[arg(add = super::complete::script())]
    pub file: String,
    /// Give a `const` of the script another value
    #[arg(short = 'D', value_name = "NAME=VALUE", add = super::complete::define())]
    pub define: Vec<String>,
}

/// Where an exploration ends though there is more.
#[derive(Args)]
pub struct LimitArgs {
    /// End a check after so many states
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_states: Option<u64>,
    /// End a check when its states need more memory: 500MB, 4GB
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub max_memory: Option<u64>,
    /// End a check after this time: 10s, 500ms
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub time_limit: Option<u64>,
}

/// In bytes.
fn size(text: &str) -> Result<u64, String> {
    let wrong = || "write a size such as 500MB or 4GB".to_string();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.trim().parse().map_err(|_| wrong())?;
    let unit = match text[digits.len()..].to_uppercase().as_str() {
        "" | "B" => 0,
        "K" | "KB" | "KIB" => 10,
        "M" | "MB" | "MIB" => 20,
        "G" | "GB" | "GIB" => 30,
        _ => return Err(wrong()),
    };
    number.checked_mul(1 << unit).filter(|n| *n > 0).ok_or_else(wrong)
}

/// In nanoseconds.
pub fn time(text: &str) -> Result<u64, String> {
    const UNITS: [&str; 4] = ["s", "ms", "us", "ns"];
    let literal = crate::lang::parse::parse_expr(text).ok().map(|e| e.kind);
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '_');
    match literal {
        Some(crate::lang::ast::ExprKind::Duration(ns)) if ns > 0 => Ok(ns as u64),
        None if unit.len() < text.len() && UNITS.contains(&unit) => {
            Err("so long a time has no end: leave the limit out".to_string())
        }
        None if matches!(unit, "m" | "min" | "h" | "d") => {
            Err("write it in seconds: the units are s, ms, us and ns".to_string())
        }
        _ => Err("write a time such as 10s or 500ms".to_string()),
    }
}
