/*
 * certificates.h: certificates for tests of TLS, made by the first test that runs: an authority,
 * certificates that it signed, and certificates that must not be trusted.
 */
#ifndef TEST_CERTIFICATES_H
#define TEST_CERTIFICATES_H

/* Files, in PEM. */
struct certificates {
    char folder[200];    /* where they are */
    char authority[320]; /* the trusted authority */
    char server[320];    /* "localhost" and 127.0.0.1, by the authority, with its key */
    char client[320];    /* "a client", by the authority, with its key */
    char expired[320];   /* "localhost", by the authority, until yesterday, with its key */
    char elsewhere[320]; /* "elsewhere.example", by the authority, with its key */
    char myself[320];    /* "localhost", by itself, with its key */
    char stranger[320];  /* an unknown authority */
    char unknown[320];   /* "localhost", by the stranger, with its key */
    char key[320];       /* a key that belongs to none of them */
    char encrypted[320]; /* the key of the server, with a password */

    char rsa[320];           /* as the server's, with a key of RSA, 2048 bits */
    char rsa_4096[320];      /* the same with 4096 bits */
    char wildcard[320];      /* "*.example.com" */
    char partial[320];       /* "f*.example.com" */
    char short_address[320]; /* an address of one byte */
    char escapes[320];       /* a name of bytes that a terminal obeys, and a zero byte */
    char subject[320];       /* the same in its subject, and no name of a host */
    char empty[320];         /* a name without a byte, and an address of five */
    char many[320];          /* more names than a message has room for */
};

/* Makes them all, if they are not there. */
const struct certificates *test_certificates(void);

#endif
