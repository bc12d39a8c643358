/* Which release is this? The number stands in the CMakeLists.txt at the top, and nowhere else. */
#ifndef SERVER_VERSION_H
#define SERVER_VERSION_H

/* "0.1.0" */
const char *version_get(void);

#endif
