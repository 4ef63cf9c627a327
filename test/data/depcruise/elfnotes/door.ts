export const elfnotes = "elfnotes";
