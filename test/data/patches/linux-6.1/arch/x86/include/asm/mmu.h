u64 ctx_id;
