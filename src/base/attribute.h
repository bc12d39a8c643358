/* The few compiler attributes the house uses, under one name each. */
#ifndef BASE_ATTRIBUTE_H
#define BASE_ATTRIBUTE_H

/* The caller must look at the result. */
#define NODISCARD __attribute__((warn_unused_result))

/* Checked like printf; both numbers count from 1. */
#define PRINTF_LIKE(format_at, first_at) __attribute__((format(printf, format_at, first_at)))

#define LIKELY(condition) __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/* What seldom happens, out of the way of what often does. */
#define NOINLINE __attribute__((noinline))

#endif
