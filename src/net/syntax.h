/* What COMMAND DOCS says of a command's arguments, made from the text of its syntax.
 *
 *   user [user ...]         words, and what may be left out; "..." says of the words before it,
 *                           which may stand in front as well, that they come any number of times
 *   [VIEWED d] now|delayed  a word in capitals stands for itself; one of several
 *
 * redis-cli shows its hints and its help with it.  Commands with subcommands ("ID | GETNAME") have
 * none, as in Redis.
 *
 * Memory: none is kept.  Thread: any.  Limits: 16 words beside each other.
 */
#ifndef NET_SYNTAX_H
#define NET_SYNTAX_H

#include "resp/writer.h"

bool syntax_has_arguments(const char *syntax);

/* An array with a map for each argument. */
void syntax_write_arguments(const char *syntax, struct resp_writer *to);

#endif
