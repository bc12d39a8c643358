#include "base/status.h"

#include "base/assert.h"

const char *status_word(enum status status)
{
    switch (status) {
#define X(name, word, sentence)                                                                    \
    case name:                                                                                     \
        return word;
        STATUS_TABLE(X)
#undef X
    }
    UNREACHABLE("a status outside its table");
}

const char *status_text(enum status status)
{
    switch (status) {
#define X(name, word, sentence)                                                                    \
    case name:                                                                                     \
        return sentence;
        STATUS_TABLE(X)
#undef X
    }
    UNREACHABLE("a status outside its table");
}
