#include "base/failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void failure_set(struct failure *self, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(self->text, sizeof self->text, format, arguments);
    va_end(arguments);
}
