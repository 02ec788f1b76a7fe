/*
 * bench/helpers/nothing.c: a program that ends at once. It is linked statically, so that starting
 * it costs as little as the kernel allows.
 */
int main(void)
{
    return 0;
}
