// SPDX-License-Identifier: GPL-2.0
#include "units.h"
const struct unit units[] = { };
const unsigned int nr_units;
