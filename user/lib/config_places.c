// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "config_places.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

int config_places_add(struct config_places *places, const void *field, const struct yaml_node *node)
{
	struct place *grown = places->place;

	if ((places->n & (places->n - 1)) == 0)
		grown = reallocarray(grown, places->n ? 2 * places->n : 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	places->place = grown;
	places->place[places->n++] = (struct place){field, node};
	return 0;
}

static const struct yaml_node *find_place(const struct config_places *places, const void *field)
{
	/* An entry is recorded before its first member, which has the same address. */
	for (size_t i = 0; places && i < places->n; i++)
		if (places->place[i].field == field)
			return places->place[i].node;
	return NULL;
}

int config_error(const struct config_places *places, const void *field, struct diag *diag,
		 const char *hint, const char *format, ...)
{
	const struct yaml_node *node = find_place(places, field);
	char *message;
	va_list args;
	int length;

	va_start(args, format);
	length = vasprintf(&message, format, args);
	va_end(args);
	if (length < 0)
		return -ENOMEM;
	if (node)
		yaml_error(places->doc, node, diag, hint, "%s", message);
	else if (places)
		diag_at(diag, -EINVAL, places->doc->name, 0, 0, NULL, hint, "%s", message);
	else
		diag_error(diag, -EINVAL, hint, "%s", message);
	free(message);
	return -EINVAL;
}
