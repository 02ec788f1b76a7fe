/* sys/probe.c: the word that tells whether probes are used. Tools look for it in this section. */
#include "sys/probe.h"

__attribute__((used, section(".probes"))) volatile uint16_t asyncp_probe_users = 0;
