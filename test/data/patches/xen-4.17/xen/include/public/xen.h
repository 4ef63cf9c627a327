#define VMASST_TYPE_m2p_strict 32
