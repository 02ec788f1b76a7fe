/*
 * asyncio/fn.h: async_fn, which makes a function usable by async_create_task.
 *
 *     static int say_after(double delay, const char *what) {…}
 *     async_fn(say_after, double, const char *);
 *
 * async_fn defines a struct for the function's arguments, a function for the call with such a
 * struct, a constant descriptor of both, and a typed constructor. With the constructor the compiler
 * reports wrong arguments as it does for a call. Users need only async_fn; the rest of this header
 * implements it.
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

/*
 * Describes a function to the library. It is compiled into programs: fields are only added at the
 * end.
 */
struct asyncp_function {
    int (*enter)(void *arguments); /* calls the function with a struct of arguments */
    size_t size;                   /* bytes of the struct; 0: no arguments */
    size_t alignment;              /* of the struct */
    const char *name;
    const char *where; /* "file:line" of async_fn */
};

/*
 * Creates a task and copies the arguments to its stack. All constructors call it. Returns NULL if
 * memory is exhausted.
 */
ASYNC_API ASYNC_MUST async_task *asyncp_create(const struct asyncp_function *function,
                                               const void *arguments,
                                               const struct async_task_options *options,
                                               const char *where);

ASYNC_END_C

/*
 * async_fn(function, types…);
 *
 * Makes a function usable by async_create_task and the other calls that take a function and its
 * arguments.
 *
 * It stands at file scope, after the function's definition or its prototype. The function returns
 * int and has 0 to 8 parameters, whose types follow its name. Pointers to functions are allowed.
 * Arguments are copied as bytes. A call of the library becomes usable in the same way:
 * async_fn(async_sleep, double);
 */
#define async_fn(...) ASYNCP_CAT(ASYNCP_FN_, ASYNCP_COUNT(__VA_ARGS__))(__VA_ARGS__)

/*
 * The number of arguments after the first: 0 to 8, or MANY, which is rejected with an error
 * message.
 */
#define ASYNCP_COUNT(...)                                                                          \
    ASYNCP_COUNT_(__VA_ARGS__, MANY, MANY, MANY, MANY, MANY, MANY, MANY, MANY, 8, 7, 6, 5, 4, 3,   \
                  2, 1, 0, 0)
#define ASYNCP_COUNT_(name, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, count, ...) count

/* 0 if nothing follows the first argument, else 1. */
#define ASYNCP_MORE(...)                                                                           \
    ASYNCP_MORE_(__VA_ARGS__, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, \
                 1, 0, 0)
#define ASYNCP_MORE_(name, a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15,   \
                     a16, a17, a18, a19, a20, a21, a22, a23, more, ...)                            \
    more

/*
 * The constructor is in parentheses: without async_fn it is an undeclared name, not an implicitly
 * declared function. The name mentions the missing async_fn, and differs enough from other names to
 * keep compilers from suggesting one of them.
 */
#define ASYNCP_CREATE(options, ...)                                                                \
    ASYNCP_CAT(ASYNCP_CREATE_, ASYNCP_MORE(__VA_ARGS__))(options, __VA_ARGS__)
#define ASYNCP_CREATE_0(options, name)      (async_fn_of__##name)(options, ASYNCP_HERE)
#define ASYNCP_CREATE_1(options, name, ...) (async_fn_of__##name)(options, ASYNCP_HERE, __VA_ARGS__)

/*
 * Like ASYNCP_CREATE, for calls with options. The preprocessor cuts in-place options at their first
 * comma. The name then begins with a dot, and the compiler shows the first half of this tag.
 */
#define ASYNCP_CREATE_WITH(options, ...)                                                           \
    ASYNCP_CAT(ASYNCP_WITH_, ASYNCP_MORE(__VA_ARGS__))(options, __VA_ARGS__)
#define ASYNCP_CUT(name)                                                                           \
    ((void)sizeof(struct options_in_place_need_parentheses_around_them_##name *))
#define ASYNCP_WITH_0(options, name) (ASYNCP_CUT(name), ASYNCP_CREATE_0(options, name))
#define ASYNCP_WITH_1(options, name, ...)                                                          \
    (ASYNCP_CUT(name), ASYNCP_CREATE_1(options, name, __VA_ARGS__))

#ifdef __cplusplus
#define ASYNCP_SAME_TYPE(name, ...)                                                                \
    std::is_convertible<decltype(&name), int (*)(__VA_ARGS__)>::value
#else
#define ASYNCP_SAME_TYPE(name, ...) _Generic(&name, int (*)(__VA_ARGS__) : 1, default : 0)
#endif
#ifdef __cplusplus
#define ASYNCP_IS_VOID(type) std::is_void<type>::value
#else
#define ASYNCP_IS_VOID(type) _Generic((__typeof__(type) *)0, void * : 1, default : 0)
#endif
#define ASYNCP_CHECK(name, ...)                                                                    \
    ASYNCP_STATIC_ASSERT(                                                                          \
        ASYNCP_SAME_TYPE(name, __VA_ARGS__),                                                       \
        "async_fn(" #name                                                                          \
        ", ...): these are not the types of the function, or it does not return int")

#ifdef __cplusplus
#define ASYNCP_CHECK_BYTES(name)                                                                   \
    ASYNCP_STATIC_ASSERT(std::is_trivially_copyable<struct asyncp_arguments_##name>::value,        \
                         "async_fn(" #name                                                         \
                         ", ...): arguments are copied as bytes; pass objects by pointer")
#else
#define ASYNCP_CHECK_BYTES(name) struct asyncp_semicolon
#endif

/* Allows int (*)(void) in the list of types. */
#define ASYNCP_TYPE(type) __typeof__(type)

#define ASYNCP_FN(name, SIZE, ALIGNMENT, PARAMETERS, FILL, ARGUMENTS)                              \
    static const struct asyncp_function asyncp_function_##name = {asyncp_enter_##name, SIZE,       \
                                                                  ALIGNMENT, #name, ASYNCP_HERE};  \
    ASYNC_UNUSED ASYNC_MUST static inline async_task *async_fn_of__##name PARAMETERS               \
    {                                                                                              \
        FILL return asyncp_create(&asyncp_function_##name, ARGUMENTS, asyncp_options,              \
                                  asyncp_where);                                                   \
    }                                                                                              \
    struct asyncp_semicolon

#define ASYNCP_FN_MANY(name, ...)                                                                  \
    ASYNCP_STATIC_ASSERT(sizeof(&name) == 0,                                                       \
                         "async_fn: more than 8 parameters; pass a pointer to a struct")

#define ASYNCP_FN_0(name)                                                                          \
    ASYNCP_CHECK(name, void);                                                                      \
    static int asyncp_enter_##name(void *asyncp_a)                                                 \
    {                                                                                              \
        (void)asyncp_a;                                                                            \
        return name();                                                                             \
    }                                                                                              \
    ASYNCP_FN(name, 0, 1, (ASYNCP_COMMON), , NULL)

/*
 * A struct of arguments, initialised with the constructor's parameters. This allows const types.
 */
#define ASYNCP_SET_OF(name, VALUES) struct asyncp_arguments_##name asyncp_s = {ASYNCP_LIST VALUES};
#define ASYNCP_LIST(...)            __VA_ARGS__

#define ASYNCP_FN_SOME(name, FIELDS, PARAMETERS, FILL, PASS)                                       \
    struct asyncp_arguments_##name {                                                               \
        FIELDS                                                                                     \
    };                                                                                             \
    ASYNCP_CHECK_BYTES(name);                                                                      \
    static int asyncp_enter_##name(void *asyncp_a)                                                 \
    {                                                                                              \
        struct asyncp_arguments_##name *asyncp_s = (struct asyncp_arguments_##name *)asyncp_a;     \
        return name PASS;                                                                          \
    }                                                                                              \
    ASYNCP_FN(name, sizeof(struct asyncp_arguments_##name),                                        \
              __alignof__(struct asyncp_arguments_##name), PARAMETERS, ASYNCP_SET_OF(name, FILL),  \
              &asyncp_s)

/* The first parameters of every constructor. */
#define ASYNCP_COMMON const struct async_task_options *asyncp_options, const char *asyncp_where

/* The four uses of a parameter type. */
#define ASYNCP_FIELD(type, number)         ASYNCP_TYPE(type) asyncp_##number;
#define ASYNCP_PARAMETER(type, number)     ASYNCP_TYPE(type) asyncp_p##number
#define ASYNCP_FILL(number)                asyncp_p##number
#define ASYNCP_PASS(number)                asyncp_s->asyncp_##number

#define ASYNCP_FIELDS_1(A)                 ASYNCP_FIELD(A, 1)
#define ASYNCP_PARAMETERS_1(A)             ASYNCP_COMMON, ASYNCP_PARAMETER(A, 1)
#define ASYNCP_FILL_1                      ASYNCP_FILL(1)
#define ASYNCP_PASS_1                      ASYNCP_PASS(1)
#define ASYNCP_FIELDS_2(A, B)              ASYNCP_FIELDS_1(A) ASYNCP_FIELD(B, 2)
#define ASYNCP_PARAMETERS_2(A, B)          ASYNCP_PARAMETERS_1(A), ASYNCP_PARAMETER(B, 2)
#define ASYNCP_FILL_2                      ASYNCP_FILL_1, ASYNCP_FILL(2)
#define ASYNCP_PASS_2                      ASYNCP_PASS_1, ASYNCP_PASS(2)
#define ASYNCP_FIELDS_3(A, B, C)           ASYNCP_FIELDS_2(A, B) ASYNCP_FIELD(C, 3)
#define ASYNCP_PARAMETERS_3(A, B, C)       ASYNCP_PARAMETERS_2(A, B), ASYNCP_PARAMETER(C, 3)
#define ASYNCP_FILL_3                      ASYNCP_FILL_2, ASYNCP_FILL(3)
#define ASYNCP_PASS_3                      ASYNCP_PASS_2, ASYNCP_PASS(3)
#define ASYNCP_FIELDS_4(A, B, C, D)        ASYNCP_FIELDS_3(A, B, C) ASYNCP_FIELD(D, 4)
#define ASYNCP_PARAMETERS_4(A, B, C, D)    ASYNCP_PARAMETERS_3(A, B, C), ASYNCP_PARAMETER(D, 4)
#define ASYNCP_FILL_4                      ASYNCP_FILL_3, ASYNCP_FILL(4)
#define ASYNCP_PASS_4                      ASYNCP_PASS_3, ASYNCP_PASS(4)
#define ASYNCP_FIELDS_5(A, B, C, D, E)     ASYNCP_FIELDS_4(A, B, C, D) ASYNCP_FIELD(E, 5)
#define ASYNCP_PARAMETERS_5(A, B, C, D, E) ASYNCP_PARAMETERS_4(A, B, C, D), ASYNCP_PARAMETER(E, 5)
#define ASYNCP_FILL_5                      ASYNCP_FILL_4, ASYNCP_FILL(5)
#define ASYNCP_PASS_5                      ASYNCP_PASS_4, ASYNCP_PASS(5)
#define ASYNCP_FIELDS_6(A, B, C, D, E, F)  ASYNCP_FIELDS_5(A, B, C, D, E) ASYNCP_FIELD(F, 6)
#define ASYNCP_PARAMETERS_6(A, B, C, D, E, F)                                                      \
    ASYNCP_PARAMETERS_5(A, B, C, D, E), ASYNCP_PARAMETER(F, 6)
#define ASYNCP_FILL_6                        ASYNCP_FILL_5, ASYNCP_FILL(6)
#define ASYNCP_PASS_6                        ASYNCP_PASS_5, ASYNCP_PASS(6)
#define ASYNCP_FIELDS_7(A, B, C, D, E, F, G) ASYNCP_FIELDS_6(A, B, C, D, E, F) ASYNCP_FIELD(G, 7)
#define ASYNCP_PARAMETERS_7(A, B, C, D, E, F, G)                                                   \
    ASYNCP_PARAMETERS_6(A, B, C, D, E, F), ASYNCP_PARAMETER(G, 7)
#define ASYNCP_FILL_7 ASYNCP_FILL_6, ASYNCP_FILL(7)
#define ASYNCP_PASS_7 ASYNCP_PASS_6, ASYNCP_PASS(7)
#define ASYNCP_FIELDS_8(A, B, C, D, E, F, G, H)                                                    \
    ASYNCP_FIELDS_7(A, B, C, D, E, F, G) ASYNCP_FIELD(H, 8)
#define ASYNCP_PARAMETERS_8(A, B, C, D, E, F, G, H)                                                \
    ASYNCP_PARAMETERS_7(A, B, C, D, E, F, G), ASYNCP_PARAMETER(H, 8)
#define ASYNCP_FILL_8 ASYNCP_FILL_7, ASYNCP_FILL(8)
#define ASYNCP_PASS_8 ASYNCP_PASS_7, ASYNCP_PASS(8)

#define ASYNCP_FN_1(name, A)                                                                       \
    ASYNCP_STATIC_ASSERT(!ASYNCP_IS_VOID(A),                                                       \
                         "async_fn(" #name ", void): a function without parameters has no "        \
                         "types to list; write async_fn(" #name ")");                              \
    ASYNCP_CHECK(name, A);                                                                         \
    ASYNCP_FN_SOME(name, ASYNCP_FIELDS_1(A), (ASYNCP_PARAMETERS_1(A)), (ASYNCP_FILL_1),            \
                   (ASYNCP_PASS_1))
#define ASYNCP_FN_2(name, A, B)                                                                    \
    ASYNCP_CHECK(name, A, B);                                                                      \
    ASYNCP_FN_SOME(name, ASYNCP_FIELDS_2(A, B), (ASYNCP_PARAMETERS_2(A, B)), (ASYNCP_FILL_2),      \
                   (ASYNCP_PASS_2))
#define ASYNCP_FN_3(name, A, B, C)                                                                 \
    ASYNCP_CHECK(name, A, B, C);                                                                   \
    ASYNCP_FN_SOME(name, ASYNCP_FIELDS_3(A, B, C), (ASYNCP_PARAMETERS_3(A, B, C)),                 \
                   (ASYNCP_FILL_3), (ASYNCP_PASS_3))
#define ASYNCP_FN_4(name, A, B, C, D)                                                              \
    ASYNCP_CHECK(name, A, B, C, D);                                                                \
    ASYNCP_FN_SOME(name, ASYNCP_FIELDS_4(A, B, C, D), (ASYNCP_PARAMETERS_4(A, B, C, D)),           \
                   (ASYNCP_FILL_4), (ASYNCP_PASS_4))
#define ASYNCP_FN_5(name, A, B, C, D, E)                                                           \
    ASYNCP_CHECK(name, A, B, C, D, E);                                                             \
    ASYNCP_FN_SOME(name, ASYNCP_FIELDS_5(A, B, C, D, E), (ASYNCP_PARAMETERS_5(A, B, C, D, E)),     \
                   (ASYNCP_FILL_5), (ASYNCP_PASS_5))
#define ASYNCP_FN_6(name, A, B, C, D, E, F)                                                        \
    ASYNCP_CHECK(name, A, B, C, D, E, F);                                                          \
    ASYNCP_FN_SOME(name, ASYNCP_FIELDS_6(A, B, C, D, E, F),                                        \
                   (ASYNCP_PARAMETERS_6(A, B, C, D, E, F)), (ASYNCP_FILL_6), (ASYNCP_PASS_6))
#define ASYNCP_FN_7(name, A, B, C, D, E, F, G)                                                     \
    ASYNCP_CHECK(name, A, B, C, D, E, F, G);                                                       \
    ASYNCP_FN_SOME(name, ASYNCP_FIELDS_7(A, B, C, D, E, F, G),                                     \
                   (ASYNCP_PARAMETERS_7(A, B, C, D, E, F, G)), (ASYNCP_FILL_7), (ASYNCP_PASS_7))
#define ASYNCP_FN_8(name, A, B, C, D, E, F, G, H)                                                  \
    ASYNCP_CHECK(name, A, B, C, D, E, F, G, H);                                                    \
    ASYNCP_FN_SOME(name, ASYNCP_FIELDS_8(A, B, C, D, E, F, G, H),                                  \
                   (ASYNCP_PARAMETERS_8(A, B, C, D, E, F, G, H)), (ASYNCP_FILL_8),                 \
                   (ASYNCP_PASS_8))

#endif
