/* Holds a thread, as a driver that blocks for good would, and nothing else of its process. It can still be killed: strace, which
   can hold a thread too, keeps a dying one from its end. Ends with the thread. Usage: hold THREAD-ID */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

int main(int argc, char **argv)
{
    pid_t thread = argc == 2 ? (pid_t)atol(argv[1]) : 0;
    if (thread <= 0) {
        fprintf(stderr, "Usage: hold THREAD-ID\n");
        return 2;
    }
    if (ptrace(PTRACE_SEIZE, thread, 0, 0) != 0 || ptrace(PTRACE_INTERRUPT, thread, 0, 0) != 0) {
        perror("hold: ptrace");
        return 1;
    }
    int state = 0;
    while (waitpid(thread, &state, __WALL) == thread && !WIFEXITED(state) && !WIFSIGNALED(state))
        ;
    return 0;
}
