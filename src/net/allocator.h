/* Which allocator serves malloc, and what may be asked of it.
 *
 * Memory: none.  Threads: any.
 */
#ifndef NET_ALLOCATOR_H
#define NET_ALLOCATOR_H

enum { ALLOCATOR_NAME_SIZE = 64 };

/* "jemalloc-5.3.0", "libc". Terminated. */
void allocator_print_name(char to[static ALLOCATOR_NAME_SIZE]);

/* Gives the system back what is free and still held. Takes milliseconds where that is much. */
void allocator_purge(void);

#endif
