/*
 * ext/tls/src/session.c: the sessions that a client can resume, the last one of each name, for any
 * thread. The names used least recently go first when there are too many.
 */
#include "tls.h"
#include <pthread.h>
#include <string.h>

enum { MOST_NAMES = 64 };

struct kept {
    struct kept *next;    /* used less recently */
    SSL_SESSION *session; /* holds a reference */
    char name[];          /* with whom */
};

struct sessions {
    pthread_mutex_t lock; /* for the rest */
    struct kept *first;   /* the one used most recently */
    size_t count;         /* of those */
};

struct sessions *tls__sessions_new(void)
{
    struct sessions *sessions = OPENSSL_zalloc(sizeof *sessions);
    if (sessions != NULL)
        pthread_mutex_init(&sessions->lock, NULL);
    return sessions;
}

static void drop(struct kept **place)
{
    struct kept *kept = *place;
    *place = kept->next;
    SSL_SESSION_free(kept->session);
    OPENSSL_free(kept);
}

void tls__sessions_free(struct sessions *sessions)
{
    if (sessions == NULL)
        return;
    while (sessions->first != NULL)
        drop(&sessions->first);
    pthread_mutex_destroy(&sessions->lock);
    OPENSSL_free(sessions);
}

/* Moves the one of that name to the front, and returns it; or NULL. */
static struct kept *find(struct sessions *sessions, const char *name)
{
    struct kept **place = &sessions->first, *found;
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

static struct kept *add(struct sessions *sessions, const char *name)
{
    size_t bytes = strlen(name) + 1;
    struct kept *kept = OPENSSL_zalloc(sizeof *kept + bytes);
    if (kept == NULL)
        return NULL;
    memcpy(kept->name, name, bytes);
    struct kept **last = &sessions->first;
    if (++sessions->count > MOST_NAMES) {
        while ((*last)->next != NULL)
            last = &(*last)->next;
        drop(last);
        sessions->count--;
    }
    kept->next = sessions->first;
    sessions->first = kept;
    return kept;
}

int tls__sessions_keep(struct sessions *sessions, const char *name, SSL_SESSION *session)
{
    pthread_mutex_lock(&sessions->lock);
    struct kept *kept = find(sessions, name);
    if (kept == NULL)
        kept = add(sessions, name);
    if (kept != NULL) {
        SSL_SESSION_free(kept->session);
        kept->session = session;
    }
    pthread_mutex_unlock(&sessions->lock);
    return kept != NULL;
}

SSL_SESSION *tls__sessions_find(struct sessions *sessions, const char *name)
{
    pthread_mutex_lock(&sessions->lock);
    struct kept *kept = find(sessions, name);
    SSL_SESSION *session = kept != NULL && SSL_SESSION_is_resumable(kept->session) ? kept->session
                                                                                   : NULL;
    if (session != NULL)
        SSL_SESSION_up_ref(session);
    pthread_mutex_unlock(&sessions->lock);
    return session;
}
