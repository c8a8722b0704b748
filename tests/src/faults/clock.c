/* Between a program and the C library: the wall clock is off by as many seconds as the file in CLOCK_OFFSET_FILE says, a
 * 64 bit number that may change at any time. All other clocks, and all sleeps, are the C library's own. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static int (*library)(clockid_t, struct timespec *);
static const volatile int64_t *offset_s;

__attribute__((constructor)) static void prepare(void)
{
    const char *path = getenv("CLOCK_OFFSET_FILE");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    library = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    if (file >= 0) {
        void *mapped = mmap(NULL, sizeof *offset_s, PROT_READ, MAP_SHARED, file, 0);
        if (mapped != MAP_FAILED)
            offset_s = mapped;
        close(file);
    }
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    /* Others may ask before this is prepared. */
    if (!library)
        prepare();
    int result = library(clock, now);
    if (result == 0 && clock == CLOCK_REALTIME && offset_s)
        now->tv_sec += *offset_s;
    return result;
}
