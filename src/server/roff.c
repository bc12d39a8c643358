#include "server/roff.h"

#include <string.h>

/* What troff takes for something else: a dash for a hyphen, quotes and accents for printers' ones.
 * NULL: it is itself. */
static const char *escape_of(char character)
{
    switch (character) {
    case '\\':
        return "\\e";
    case '-':
        return "\\-";
    case '\'':
        return "\\(aq";
    case '`':
        return "\\(ga";
    case '^':
        return "\\(ha";
    case '~':
        return "\\(ti";
    default:
        return NULL;
    }
}

static void print_character(FILE *to, char character)
{
    const char *escape = escape_of(character);
    if (escape == NULL) {
        fputc(character, to);
    } else {
        fputs(escape, to);
    }
}

void roff_print_code(FILE *to, struct slice code)
{
    /* Where a line begins with a dot it would be a request. */
    fputs(code.size > 0 && code.bytes[0] == '.' ? "\\&" : "", to);
    for (size_t i = 0; i < code.size; i++) {
        print_character(to, code.bytes[i]);
    }
}

void roff_print(FILE *to, const char *text)
{
    fputs(*text == '.' || *text == '\'' ? "\\&" : "", to);
    bool is_bold = false;
    for (; *text != '\0'; text++) {
        if (*text == '`') {
            is_bold = !is_bold;
            fputs(is_bold ? "\\fB" : "\\fR", to);
        } else if (*text == '\'' && !is_bold) {
            fputc(*text, to);
        } else {
            print_character(to, *text);
        }
    }
}
