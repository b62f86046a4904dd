/* SPDX-License-Identifier: MIT */
#include "app/spawn.h"

#include <glib.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Our own program: by its name, which valgrind can follow, as long as it has one. */
static char *spawn_program(void)
{
        g_autofree char *path = g_file_read_link("/proc/self/exe", NULL);

        if (path && access(path, X_OK) == 0)
                return g_steal_pointer(&path);
        return g_strdup("/proc/self/exe");
}

/* In a process group of its own: a Ctrl-C is ours, and counts once. */
int spawn_worker(char *const argv[], int worker_fd, pid_t *ret)
{
        g_autofree char *number = g_strdup_printf("%d", worker_fd);
        g_autofree char *program = spawn_program();
        g_auto(GStrv) env = g_environ_setenv(g_get_environ(), "AOEFS_WORKER", number, TRUE);
        posix_spawn_file_actions_t files;
        posix_spawnattr_t attr;
        sigset_t none, pipe_only;
        int r;

        sigemptyset(&none);
        sigemptyset(&pipe_only);
        sigaddset(&pipe_only, SIGPIPE);
        posix_spawn_file_actions_init(&files);
        posix_spawn_file_actions_adddup2(&files, worker_fd, worker_fd); /* clears close-on-exec */
        posix_spawnattr_init(&attr);
        posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                                POSIX_SPAWN_SETSIGDEF);
        posix_spawnattr_setsigmask(&attr, &none);
        posix_spawnattr_setsigdefault(&attr, &pipe_only);
        r = posix_spawn(ret, program, &files, &attr, argv, env);
        posix_spawnattr_destroy(&attr);
        posix_spawn_file_actions_destroy(&files);
        return -r;
}

char *spawn_death(pid_t worker, int status)
{
        if (WIFSIGNALED(status))
                return g_strdup_printf("the worker (process %d) died of signal %d (%s)",
                                       (int)worker, WTERMSIG(status),
                                       sigdescr_np(WTERMSIG(status)));
        return g_strdup_printf("the worker (process %d) ended with code %d", (int)worker,
                               WEXITSTATUS(status));
}
