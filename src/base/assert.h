/* Assertions stay on in release builds: a wrong program stops, it does not go on.
 *
 * They say what a reader could not see from the code around them. What a peer, a disk or an
 * operator can cause is never an assertion but an `enum status`.
 */
#ifndef BASE_ASSERT_H
#define BASE_ASSERT_H

#define ASSERT(condition)                                                                          \
    (__builtin_expect(!!(condition), 1) ? (void)0                                                  \
                                        : assert_failed(#condition, __FILE__, __LINE__, __func__))

/* For the arm of a switch that no value of the program can reach. */
#define UNREACHABLE(why) assert_failed(why, __FILE__, __LINE__, __func__)

_Noreturn void assert_failed(const char *condition, const char *file, int line,
                             const char *function);

#endif
