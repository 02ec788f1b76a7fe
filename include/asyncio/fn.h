/*
 * asyncio/fn.h: how a plain function becomes something async_create_task can start. Users need async_fn; the
 * rest is its machinery.
 *
 * async_fn(name, types...) after a function defines, for that function,
 *   a struct that holds one set of arguments,
 *   an entry that calls the function with them,
 *   a constant descriptor of both, the one thing that compiled programs share with the library,
 *   a typed constructor, so that a wrong argument gets the diagnostic a call would get.
 */
#ifndef ASYNCIO_FN_H
#define ASYNCIO_FN_H

#include <asyncio/base.h>
#ifdef __cplusplus
#include <type_traits>
#endif

ASYNC_BEGIN_C

typedef struct async_task async_task;

struct async_task_options;

/* What async_fn knows of a function. Compiled into programs: fields are only ever added at the end. */
struct async__function {
    int (*enter)(void *arguments); /* calls the function with one set of arguments */
    size_t size;                   /* bytes of that set; 0: none */
    size_t alignment;              /* of that set */
    const char *name;              /* the function's */
    const char *where;             /* "file:line" of its async_fn */
};

/* What every constructor ends in: copies the arguments into a new task's stack. NULL: out of memory. */
ASYNC_API ASYNC_MUST async_task *async__create(const struct async__function *function, const void *arguments,
                                               const struct async_task_options *options, const char *where);

ASYNC_END_C

/*
 * async_fn(name, types...): after the function's definition, or after its prototype in a header, and at file
 * scope. types are those of its 0 to 8 parameters; pointers to functions may be listed too.
 */
#define async_fn(...) ASYNC__CAT(ASYNC__FN_, ASYNC__COUNT(__VA_ARGS__))(__VA_ARGS__)

/* How many arguments follow the first: 0 to 8, or MANY, which is refused with a sentence. */
#define ASYNC__COUNT(...)                                                                                    \
    ASYNC__COUNT_(__VA_ARGS__, MANY, MANY, MANY, MANY, MANY, MANY, MANY, MANY, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0)
#define ASYNC__COUNT_(name, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, count, ...) count

/* 0 if nothing follows the first argument, else 1. */
#define ASYNC__MORE(...)                                                                                     \
    ASYNC__MORE_(__VA_ARGS__, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0)
#define ASYNC__MORE_(name, a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17,   \
                     a18, a19, a20, a21, a22, a23, more, ...)                                                \
    more

/*
 * The constructor in parentheses: if async_fn is missing it is an undeclared name, not an implicit function; one that
 * tells what is missing, and so unlike others that compilers propose none of them.
 */
#define ASYNC__CREATE(options, ...)         ASYNC__CAT(ASYNC__CREATE_, ASYNC__MORE(__VA_ARGS__))(options, __VA_ARGS__)
#define ASYNC__CREATE_0(options, name)      (async_fn_of__##name)(options, ASYNC__HERE)
#define ASYNC__CREATE_1(options, name, ...) (async_fn_of__##name)(options, ASYNC__HERE, __VA_ARGS__)

#ifdef __cplusplus
#define ASYNC__SAME_TYPE(name, ...) std::is_convertible<decltype(&name), int (*)(__VA_ARGS__)>::value
#else
#define ASYNC__SAME_TYPE(name, ...) _Generic(&name, int (*)(__VA_ARGS__) : 1, default : 0)
#endif
#ifdef __cplusplus
#define ASYNC__IS_VOID(type) std::is_void<type>::value
#else
#define ASYNC__IS_VOID(type) _Generic((__typeof__(type) *)0, void * : 1, default : 0)
#endif
#define ASYNC__CHECK(name, ...)                                                                              \
    ASYNC__STATIC_ASSERT(ASYNC__SAME_TYPE(name, __VA_ARGS__),                                                \
                         "async_fn(" #name                                                                   \
                         ", ...): these are not the types of the function, or it does not return int")

#ifdef __cplusplus
#define ASYNC__CHECK_BYTES(name)                                                                             \
    ASYNC__STATIC_ASSERT(std::is_trivially_copyable<struct async__arguments_##name>::value,                  \
                         "async_fn(" #name ", ...): arguments are copied as bytes; pass objects by pointer")
#else
#define ASYNC__CHECK_BYTES(name) struct async__semicolon
#endif

#define ASYNC__TYPE(type) __typeof__(type) /* lets int (*)(void) be listed like any other type */

#define ASYNC__FN(name, SIZE, ALIGNMENT, PARAMETERS, FILL, ARGUMENTS)                                        \
    static const struct async__function async__function_##name = {async__enter_##name, SIZE, ALIGNMENT,      \
                                                                  #name, ASYNC__HERE};                       \
    ASYNC_UNUSED ASYNC_MUST static inline async_task *async_fn_of__##name PARAMETERS                         \
    {                                                                                                        \
        FILL return async__create(&async__function_##name, ARGUMENTS, async__options, async__where);         \
    }                                                                                                        \
    struct async__semicolon

#define ASYNC__FN_MANY(name, ...)                                                                            \
    ASYNC__STATIC_ASSERT(sizeof(&name) == 0, "async_fn: more than 8 parameters; pass a pointer to a struct")

#define ASYNC__FN_0(name)                                                                                    \
    ASYNC__CHECK(name, void);                                                                                \
    static int async__enter_##name(void *async__a)                                                           \
    {                                                                                                        \
        (void)async__a;                                                                                      \
        return name();                                                                                       \
    }                                                                                                        \
    ASYNC__FN(name, 0, 1, (ASYNC__COMMON), , NULL)

/* One set of arguments, begun with the constructor's parameters: so that const ones can be listed, too. */
#define ASYNC__SET_OF(name, VALUES) struct async__arguments_##name async__s = {ASYNC__LIST VALUES};
#define ASYNC__LIST(...)            __VA_ARGS__

#define ASYNC__FN_SOME(name, FIELDS, PARAMETERS, FILL, PASS)                                                 \
    struct async__arguments_##name {                                                                         \
        FIELDS                                                                                               \
    };                                                                                                       \
    ASYNC__CHECK_BYTES(name);                                                                                \
    static int async__enter_##name(void *async__a)                                                           \
    {                                                                                                        \
        struct async__arguments_##name *async__s = (struct async__arguments_##name *)async__a;               \
        return name PASS;                                                                                    \
    }                                                                                                        \
    ASYNC__FN(name, sizeof(struct async__arguments_##name), __alignof__(struct async__arguments_##name),     \
              PARAMETERS, ASYNC__SET_OF(name, FILL), &async__s)

/* The parameters that every constructor begins with. */
#define ASYNC__COMMON const struct async_task_options *async__options, const char *async__where

/* One parameter type in each of its four places. */
#define ASYNC__FIELD(type, number)               ASYNC__TYPE(type) async__##number;
#define ASYNC__PARAMETER(type, number)           ASYNC__TYPE(type) async__p##number
#define ASYNC__FILL(number)                      async__p##number
#define ASYNC__PASS(number)                      async__s->async__##number

#define ASYNC__FIELDS_1(A)                       ASYNC__FIELD(A, 1)
#define ASYNC__PARAMETERS_1(A)                   ASYNC__COMMON, ASYNC__PARAMETER(A, 1)
#define ASYNC__FILL_1                            ASYNC__FILL(1)
#define ASYNC__PASS_1                            ASYNC__PASS(1)
#define ASYNC__FIELDS_2(A, B)                    ASYNC__FIELDS_1(A) ASYNC__FIELD(B, 2)
#define ASYNC__PARAMETERS_2(A, B)                ASYNC__PARAMETERS_1(A), ASYNC__PARAMETER(B, 2)
#define ASYNC__FILL_2                            ASYNC__FILL_1, ASYNC__FILL(2)
#define ASYNC__PASS_2                            ASYNC__PASS_1, ASYNC__PASS(2)
#define ASYNC__FIELDS_3(A, B, C)                 ASYNC__FIELDS_2(A, B) ASYNC__FIELD(C, 3)
#define ASYNC__PARAMETERS_3(A, B, C)             ASYNC__PARAMETERS_2(A, B), ASYNC__PARAMETER(C, 3)
#define ASYNC__FILL_3                            ASYNC__FILL_2, ASYNC__FILL(3)
#define ASYNC__PASS_3                            ASYNC__PASS_2, ASYNC__PASS(3)
#define ASYNC__FIELDS_4(A, B, C, D)              ASYNC__FIELDS_3(A, B, C) ASYNC__FIELD(D, 4)
#define ASYNC__PARAMETERS_4(A, B, C, D)          ASYNC__PARAMETERS_3(A, B, C), ASYNC__PARAMETER(D, 4)
#define ASYNC__FILL_4                            ASYNC__FILL_3, ASYNC__FILL(4)
#define ASYNC__PASS_4                            ASYNC__PASS_3, ASYNC__PASS(4)
#define ASYNC__FIELDS_5(A, B, C, D, E)           ASYNC__FIELDS_4(A, B, C, D) ASYNC__FIELD(E, 5)
#define ASYNC__PARAMETERS_5(A, B, C, D, E)       ASYNC__PARAMETERS_4(A, B, C, D), ASYNC__PARAMETER(E, 5)
#define ASYNC__FILL_5                            ASYNC__FILL_4, ASYNC__FILL(5)
#define ASYNC__PASS_5                            ASYNC__PASS_4, ASYNC__PASS(5)
#define ASYNC__FIELDS_6(A, B, C, D, E, F)        ASYNC__FIELDS_5(A, B, C, D, E) ASYNC__FIELD(F, 6)
#define ASYNC__PARAMETERS_6(A, B, C, D, E, F)    ASYNC__PARAMETERS_5(A, B, C, D, E), ASYNC__PARAMETER(F, 6)
#define ASYNC__FILL_6                            ASYNC__FILL_5, ASYNC__FILL(6)
#define ASYNC__PASS_6                            ASYNC__PASS_5, ASYNC__PASS(6)
#define ASYNC__FIELDS_7(A, B, C, D, E, F, G)     ASYNC__FIELDS_6(A, B, C, D, E, F) ASYNC__FIELD(G, 7)
#define ASYNC__PARAMETERS_7(A, B, C, D, E, F, G) ASYNC__PARAMETERS_6(A, B, C, D, E, F), ASYNC__PARAMETER(G, 7)
#define ASYNC__FILL_7                            ASYNC__FILL_6, ASYNC__FILL(7)
#define ASYNC__PASS_7                            ASYNC__PASS_6, ASYNC__PASS(7)
#define ASYNC__FIELDS_8(A, B, C, D, E, F, G, H)  ASYNC__FIELDS_7(A, B, C, D, E, F, G) ASYNC__FIELD(H, 8)
#define ASYNC__PARAMETERS_8(A, B, C, D, E, F, G, H)                                                          \
    ASYNC__PARAMETERS_7(A, B, C, D, E, F, G), ASYNC__PARAMETER(H, 8)
#define ASYNC__FILL_8 ASYNC__FILL_7, ASYNC__FILL(8)
#define ASYNC__PASS_8 ASYNC__PASS_7, ASYNC__PASS(8)

#define ASYNC__FN_1(name, A)                                                                                 \
    ASYNC__STATIC_ASSERT(!ASYNC__IS_VOID(A),                                                                 \
                         "async_fn(" #name ", void): a function without parameters has no "                  \
                         "types to list; write async_fn(" #name ")");                                        \
    ASYNC__CHECK(name, A);                                                                                   \
    ASYNC__FN_SOME(name, ASYNC__FIELDS_1(A), (ASYNC__PARAMETERS_1(A)), (ASYNC__FILL_1), (ASYNC__PASS_1))
#define ASYNC__FN_2(name, A, B)                                                                              \
    ASYNC__CHECK(name, A, B);                                                                                \
    ASYNC__FN_SOME(name, ASYNC__FIELDS_2(A, B), (ASYNC__PARAMETERS_2(A, B)), (ASYNC__FILL_2), (ASYNC__PASS_2))
#define ASYNC__FN_3(name, A, B, C)                                                                           \
    ASYNC__CHECK(name, A, B, C);                                                                             \
    ASYNC__FN_SOME(name, ASYNC__FIELDS_3(A, B, C), (ASYNC__PARAMETERS_3(A, B, C)), (ASYNC__FILL_3),          \
                   (ASYNC__PASS_3))
#define ASYNC__FN_4(name, A, B, C, D)                                                                        \
    ASYNC__CHECK(name, A, B, C, D);                                                                          \
    ASYNC__FN_SOME(name, ASYNC__FIELDS_4(A, B, C, D), (ASYNC__PARAMETERS_4(A, B, C, D)), (ASYNC__FILL_4),    \
                   (ASYNC__PASS_4))
#define ASYNC__FN_5(name, A, B, C, D, E)                                                                     \
    ASYNC__CHECK(name, A, B, C, D, E);                                                                       \
    ASYNC__FN_SOME(name, ASYNC__FIELDS_5(A, B, C, D, E), (ASYNC__PARAMETERS_5(A, B, C, D, E)),               \
                   (ASYNC__FILL_5), (ASYNC__PASS_5))
#define ASYNC__FN_6(name, A, B, C, D, E, F)                                                                  \
    ASYNC__CHECK(name, A, B, C, D, E, F);                                                                    \
    ASYNC__FN_SOME(name, ASYNC__FIELDS_6(A, B, C, D, E, F), (ASYNC__PARAMETERS_6(A, B, C, D, E, F)),         \
                   (ASYNC__FILL_6), (ASYNC__PASS_6))
#define ASYNC__FN_7(name, A, B, C, D, E, F, G)                                                               \
    ASYNC__CHECK(name, A, B, C, D, E, F, G);                                                                 \
    ASYNC__FN_SOME(name, ASYNC__FIELDS_7(A, B, C, D, E, F, G), (ASYNC__PARAMETERS_7(A, B, C, D, E, F, G)),   \
                   (ASYNC__FILL_7), (ASYNC__PASS_7))
#define ASYNC__FN_8(name, A, B, C, D, E, F, G, H)                                                            \
    ASYNC__CHECK(name, A, B, C, D, E, F, G, H);                                                              \
    ASYNC__FN_SOME(name, ASYNC__FIELDS_8(A, B, C, D, E, F, G, H),                                            \
                   (ASYNC__PARAMETERS_8(A, B, C, D, E, F, G, H)), (ASYNC__FILL_8), (ASYNC__PASS_8))

#endif
