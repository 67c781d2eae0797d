#include <elf.h>
#include <string.h>
#include <unistd.h>

/* OpenBLAS starts a thread for every processor as it is loaded, before main, each with a buffer of 128 MB. Where a
   limit on memory (prlimit, ulimit -v, a login node's) refuses them it tries again for ever, and elsewhere a rank of
   one thread pays for them all. Only the environment can prevent it, and the only code of ours that runs before a
   library's own is what stands in .preinit_array; there the environment can be read but not yet changed. So the process
   is executed once more, with the setting. Another number than 1, which a cluster's module or a shell's profile sets
   for other programs, is replaced: we have no work for OpenBLAS that would gain by threads. */

static char setting[] = "OPENBLAS_NUM_THREADS=1";

enum { MOST_VARIABLES = 8192 };

static void start_without_openblas_threads(int argc, char **argv, char **environment) {
    static char *changed[MOST_VARIABLES + 2];
    (void)argc;
    size_t count = 0, kept = 0;
    for (; environment[count]; count++) {
        /* Also by the process before this one. */
        if (!strcmp(environment[count], setting)) return;
        if (count == MOST_VARIABLES) return;
        if (strncmp(environment[count], setting, sizeof setting - 2)) changed[kept++] = environment[count];
    }
    changed[kept] = setting;
    /* Behind the environment lies what the kernel says of the process, the path of its file among it. */
    for (const Elf64_auxv_t *entry = (const Elf64_auxv_t *)(environment + count + 1); entry->a_type != AT_NULL; entry++)
        if (entry->a_type == AT_EXECFN) execve((const char *)entry->a_un.a_val, argv, changed);
    /* If that failed, the process continues as it is. */
}

__attribute__((section(".preinit_array"), used)) static void (*const before_libraries)(int, char **, char **) =
    start_without_openblas_threads;
