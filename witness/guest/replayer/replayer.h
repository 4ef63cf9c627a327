/* What the replayer's files have in common. */
#ifndef REPLAYER_H
#define REPLAYER_H
#include "pv-guest.h"

#define POOL_PAGES 512
#define FREE_PAGE (POOL_PAGES - 1)
#define PRESENT_TABLE 0x67UL
#define READ_ONLY 0x65UL
#define MANY 512

/* pv-guest.S, pv-guest.lds */
extern u8 pool[], start_secondary[], page_fault[], general_protection[], stacks[];
u64 access_read(u64 va, u64 *value), access_write(u64 va, u64 value);

/* say.c */
void put(const char *text);
void put_word(const char *text);
void put_hex(u64 n);
void put_decimal(long n);
void end_line(void);
void say(const char *text);
void leave(void) __attribute__((noreturn));

/* frames.c */
extern u64 base[4], base1_l4, pool_mfn[POOL_PAGES], pages, nr_pointed;
extern const u64 *base_table[4];
u64 va_to_mfn(const void *va);
u64 frame_of(u64 entry);
void put_entry(u64 entry);
const char *next(const char *at);
u64 number(const char **at, int radix);
u64 argument(const char **at);

/* base.c */
extern const struct start_info *start;
extern const u64 *p2m;
extern int audited;
extern u8 shared_page[];
void begin(const struct start_info *info);
int reset(void);
void back_to_base(int vcpu);
long initialise(u64 vcpu, u64 l4, u64 user);

/* replayer.c */
extern volatile int secondary_is_up;
long mmuext(u32 cmd, u64 arg1, u64 arg2);
void on_vcpu(int vcpu, const char *at);
#endif
