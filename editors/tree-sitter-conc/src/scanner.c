// Where a newline ends a statement. Inside ( ) and [ ] it is a blank, and so is
// one before `else` or `catch`, which belong to the statement before.

#include "tree_sitter/parser.h"

enum Token { NEWLINE, CLOSE_BRACKET, CLOSE_PAREN };

void *tree_sitter_conc_external_scanner_create(void) { return NULL; }
void tree_sitter_conc_external_scanner_destroy(void *payload) { (void)payload; }
unsigned tree_sitter_conc_external_scanner_serialize(void *payload, char *buffer) {
  (void)payload;
  (void)buffer;
  return 0;
}
void tree_sitter_conc_external_scanner_deserialize(void *payload, const char *buffer, unsigned length) {
  (void)payload;
  (void)buffer;
  (void)length;
}

static bool is_blank(int32_t c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

static bool is_letter(int32_t c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c > 127; }

// Whether what comes next, blanks and comments aside, goes on with a statement.
static bool goes_on(TSLexer *lexer) {
  for (;;) {
    while (is_blank(lexer->lookahead)) lexer->advance(lexer, false);
    if (lexer->lookahead != '#') break;
    while (lexer->lookahead != '\n' && !lexer->eof(lexer)) lexer->advance(lexer, false);
  }
  char word[8] = {0};
  unsigned length = 0;
  while (is_letter(lexer->lookahead) || (lexer->lookahead >= '0' && lexer->lookahead <= '9')) {
    if (length >= sizeof word - 1) return false;
    word[length++] = lexer->lookahead > 127 ? '?' : (char)lexer->lookahead;
    lexer->advance(lexer, false);
  }
  const char *words[] = {"else", "catch"};
  for (unsigned i = 0; i < 2; i++) {
    unsigned at = 0;
    while (words[i][at] && words[i][at] == word[at]) at++;
    if (!words[i][at] && at == length) return true;
  }
  return false;
}

bool tree_sitter_conc_external_scanner_scan(void *payload, TSLexer *lexer, const bool *valid) {
  (void)payload;
  // Within brackets, and while the parser recovers from an error, all is valid.
  if (!valid[NEWLINE] || valid[CLOSE_BRACKET] || valid[CLOSE_PAREN]) return false;
  while (lexer->lookahead == ' ' || lexer->lookahead == '\t' || lexer->lookahead == '\r') {
    lexer->advance(lexer, true);
  }
  if (lexer->lookahead != '\n') return false;
  lexer->advance(lexer, false);
  lexer->mark_end(lexer);
  lexer->result_symbol = NEWLINE;
  return !goes_on(lexer);
}
