/*
 * ext/tls/src/session.c: the session cache of a client context: the last session of each server
 * name. When it is full the least recently used one is removed. Any thread may use it.
 */
#include "tls.h"
#include <pthread.h>
#include <string.h>

enum { MAX_NAMES = 64 };

struct cached_session {
    struct cached_session *next; /* less recently used */
    SSL_SESSION *session;        /* a reference */
    char name[];                 /* the server's */
};

struct sessions {
    pthread_mutex_t lock;         /* protects the other fields */
    struct cached_session *first; /* most recently used */
    size_t count;
};

struct sessions *tlsp_sessions_new(void)
{
    struct sessions *sessions = OPENSSL_zalloc(sizeof *sessions);
    if (sessions != NULL)
        pthread_mutex_init(&sessions->lock, NULL);
    return sessions;
}

static void drop_session(struct cached_session **place)
{
    struct cached_session *cached = *place;
    *place = cached->next;
    SSL_SESSION_free(cached->session);
    OPENSSL_free(cached);
}

void tlsp_sessions_free(struct sessions *sessions)
{
    if (sessions == NULL)
        return;
    while (sessions->first != NULL)
        drop_session(&sessions->first);
    pthread_mutex_destroy(&sessions->lock);
    OPENSSL_free(sessions);
}

/* Returns the session of a name and moves it to the front; NULL if it is not cached. */
static struct cached_session *find_session(struct sessions *sessions, const char *name)
{
    struct cached_session **place = &sessions->first, *found;
    while (*place != NULL && strcmp((*place)->name, name) != 0)
        place = &(*place)->next;
    found = *place;
    if (found != NULL) {
        *place = found->next;
        found->next = sessions->first;
        sessions->first = found;
    }
    return found;
}

static struct cached_session *add_session(struct sessions *sessions, const char *name)
{
    size_t bytes = strlen(name) + 1;
    struct cached_session *cached = OPENSSL_zalloc(sizeof *cached + bytes);
    if (cached == NULL)
        return NULL;
    memcpy(cached->name, name, bytes);
    struct cached_session **last = &sessions->first;
    if (++sessions->count > MAX_NAMES) {
        while ((*last)->next != NULL)
            last = &(*last)->next;
        drop_session(last);
        sessions->count--;
    }
    cached->next = sessions->first;
    sessions->first = cached;
    return cached;
}

int tlsp_sessions_add(struct sessions *sessions, const char *name, SSL_SESSION *session)
{
    pthread_mutex_lock(&sessions->lock);
    struct cached_session *cached = find_session(sessions, name);
    if (cached == NULL)
        cached = add_session(sessions, name);
    if (cached != NULL) {
        SSL_SESSION_free(cached->session);
        cached->session = session;
    }
    pthread_mutex_unlock(&sessions->lock);
    return cached != NULL;
}

SSL_SESSION *tlsp_sessions_find(struct sessions *sessions, const char *name)
{
    pthread_mutex_lock(&sessions->lock);
    struct cached_session *cached = find_session(sessions, name);
    SSL_SESSION *session = cached != NULL && SSL_SESSION_is_resumable(cached->session)
                               ? cached->session
                               : NULL;
    if (session != NULL)
        SSL_SESSION_up_ref(session);
    pthread_mutex_unlock(&sessions->lock);
    return session;
}
