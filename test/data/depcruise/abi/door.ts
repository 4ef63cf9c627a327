export const abi = "abi";
