/* top/metrics.h: the text of metrics. */
#ifndef TOP_METRICS_H
#define TOP_METRICS_H

#include <asyncio/metrics.h>

/* Writes the metrics of loops to text[0..size). Returns the length, as snprintf does. */
size_t asyncp_metrics_format(char *text, size_t size, const async_metrics loops[], size_t count);

#endif
