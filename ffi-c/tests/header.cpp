// The header in C++: the same claims, and the functions have C linkage, or this would not link.

#include "header.c"

const char *version() { return tenure_version(); }
