/*
 * Threads: started with every signal blocked, because signals are main's; all but those a fault of
 * the thread itself raises, which must end the process where they happen.
 */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>

/* Returns 0, or an errno. name: up to 15 bytes, as ps and gdb show it. */
int thread_start(pthread_t *, const char *name, void *(*run)(void *), void *arg);

#endif
