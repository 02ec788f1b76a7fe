/*
 * faults.h: failures on demand: of the calls that the library makes of the kernel and of its
 * allocator, the one with a given number, or all from it on, are made to fail. A failure is written
 * "epoll_ctl:ENOMEM:3" for the third call, "epoll_ctl:ENOMEM:3+" for the third and all
 * after it; "read:short1:2" is a call that moves one byte.
 */
#ifndef TEST_FAULTS_H
#define TEST_FAULTS_H

#include "sys/fault.h"

/*
 * The allocator that the runner gives to a test; it is not the kernel's, and so no site of the
 * library.
 */
enum { SITE_ALLOCATE = SITE_COUNT, TEST_SITES };

/* A failure. All zeros: none. */
struct fault {
    int site;   /* where */
    int result; /* the hook's result: -errno, or the largest count that is moved */
    long first; /* call that fails, counted from 1; 0: none does */
    long last;  /* call that fails */
};

/* The counters of one case; shared with the runner. */
struct fault_record {
    _Atomic long calls[TEST_SITES]; /* at each site */
    _Atomic long injected;          /* calls that failed because they were asked to */
};

/* Parses the form described above, up to the end of the line. */
bool fault_parse(const char *text, struct fault *fault);

/* From now on calls are counted in the record, and the fault happens. */
void faults_begin(const struct fault *fault, struct fault_record *record);

/* Nothing fails any more. */
void faults_end(void);

/* For the runner's allocator: whether it is to fail now. */
bool fault_in_allocator(void);

/* The site's name. */
const char *fault_site_name(int site);

/*
 * Writes a line for each error that a site can have: "error", the site, its name, with tabs
 * between.
 */
void faults_list(void);

#endif
