/* Which thread may call this? Said in the signature, checked by clang at compile time.
 *
 * A role is a lock nobody waits for: holding it means "this code runs on such a thread". It proves
 * "some shard's thread", not "the owner's": so a module's entry points are annotated, where a wrong
 * thread could come in, and its inside is left plain.
 */
#ifndef BASE_ROLE_H
#define BASE_ROLE_H

#ifdef __clang__
#define THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define THREAD_ATTRIBUTE(x)
#endif

struct THREAD_ATTRIBUTE(capability("role")) role {
    char unused;
};

/* Never read or written; they are there for the compiler to name. */
extern const struct role shard_thread; /* Owns a part of the users and of the connections. */
extern const struct role store_thread; /* May wait for the database. */

#define ON_SHARD_THREAD THREAD_ATTRIBUTE(requires_capability(shard_thread))
#define ON_STORE_THREAD THREAD_ATTRIBUTE(requires_capability(store_thread))

/* Called once, first and last, by a thread of that role. */
void shard_thread_enter(void) THREAD_ATTRIBUTE(acquire_capability(shard_thread));
void shard_thread_leave(void) THREAD_ATTRIBUTE(release_capability(shard_thread));
void store_thread_enter(void) THREAD_ATTRIBUTE(acquire_capability(store_thread));
void store_thread_leave(void) THREAD_ATTRIBUTE(release_capability(store_thread));

#endif
