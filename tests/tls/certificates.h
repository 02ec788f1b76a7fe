/*
 * certificates.h: certificates for tests of TLS, made by the first of them: an authority, those that it vouches for,
 * and such that nobody should trust.
 */
#ifndef TEST_CERTIFICATES_H
#define TEST_CERTIFICATES_H

/* Files, in PEM. */
struct certificates {
    char folder[200];    /* where they are */
    char authority[320]; /* whom to trust */
    char server[320];    /* "localhost" and 127.0.0.1, by the authority, with its key */
    char client[320];    /* "a client", by the authority, with its key */
    char expired[320];   /* "localhost", by the authority, until yesterday, with its key */
    char elsewhere[320]; /* "elsewhere.example", by the authority, with its key */
    char myself[320];    /* "localhost", by itself, with its key */
    char stranger[320];  /* an authority that nobody knows */
    char unknown[320];   /* "localhost", by the stranger, with its key */
    char key[320];       /* a key that belongs to none of them */
    char encrypted[320]; /* the key of the server, with a password */
};

/* Makes them all, if they are not there. */
const struct certificates *test_certificates(void);

#endif
