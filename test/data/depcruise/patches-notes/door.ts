export const patches_notes = "patches-notes";
