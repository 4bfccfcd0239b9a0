/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/nearest.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#define LONGEST 64

static unsigned
smaller(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static int
lower(char c)
{
	return tolower((unsigned char)c);
}

/* Row i of the table from the two before it; returns its least value. */
static unsigned
fill_row(const char *a, size_t i, const char *b, size_t b_len, unsigned rows[3][LONGEST + 1])
{
	const unsigned *before = rows[(i + 1) % 3], *above = rows[(i + 2) % 3];
	unsigned *row = rows[i % 3];
	unsigned least = row[0] = (unsigned)i;

	for (size_t j = 1; j <= b_len; j++) {
		unsigned same = lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1;
		unsigned cost = smaller(smaller(above[j], row[j - 1]) + 1, above[j - 1] + same);

		if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
		    lower(a[i - 2]) == lower(b[j - 1]))
			cost = smaller(cost, before[j - 2] + 1);
		row[j] = cost;
		least = smaller(least, cost);
	}
	return least;
}

unsigned
nearest_distance(const char *a, const char *b, unsigned limit)
{
	unsigned rows[3][LONGEST + 1];
	size_t a_len = strlen(a), b_len = strlen(b);

	if (a_len > LONGEST || b_len > LONGEST || a_len > b_len + limit || b_len > a_len + limit)
		return limit + 1;
	for (size_t j = 0; j <= b_len; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= a_len; i++)
		if (fill_row(a, i, b, b_len, rows) > limit)
			return limit + 1;
	return smaller(rows[a_len % 3][b_len], limit + 1);
}

void
nearest_offer(struct nearest *n, const char *candidate)
{
	size_t len = strlen(n->word);
	unsigned limit = len >= 5 ? 2 : len >= 3 ? 1 : 0;
	unsigned distance = nearest_distance(n->word, candidate, limit);

	if (distance > limit || (n->best != NULL && distance >= n->distance))
		return;
	n->best = candidate;
	n->distance = distance;
}
