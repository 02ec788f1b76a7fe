/*
 * async_process_communicate.c: send input to a process and collect its output
 *
 * Pages: async_process_communicate async_output async_output_free
 * async_auto_output
 */
#include <asyncio.h>
#include <stdio.h>
#include <string.h>

static const async_process_options pipes = {.in = ASYNC_PIPE,
                                            .out = ASYNC_PIPE};

static int sort(const char *text)
{
    async_auto_wait_process *process = NULL;
    async_auto_output output = {0}; /* calls async_output_free */
    ASYNC_TRY(async_create_subprocess_exec(&process, &pipes, "sort"));
    int status = async_process_communicate(process, text, strlen(text),
                                           &output);
    if (status == 0)
        fwrite(output.out, 1, output.out_size, stdout);
    return status;
}

/* A call that ends early loses no output: the next one goes on. */
static int be_patient(void)
{
    async_auto_wait_process *process = NULL;
    async_output output = {0};
    ASYNC_TRY(async_create_subprocess_shell(&process, &pipes,
                                            "echo one; sleep 0.1; echo two"));
    if (async_timeout(0.01, async_process_communicate(process, NULL, 0,
                                                      &output)) == -ETIMEDOUT)
        puts("it takes longer");
    int status = async_process_communicate(process, NULL, 0, &output);
    fputs(status == 0 ? output.out : "", stdout);
    async_output_free(&output);
    return status;
}

static int amain(void)
{
    ASYNC_TRY(sort("pear\napple\nfig\n"));
    return be_patient();
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * apple
 * fig
 * pear
 * it takes longer
 * one
 * two
 */
