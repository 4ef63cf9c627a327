#define XENFEAT_direct_mapped 17
