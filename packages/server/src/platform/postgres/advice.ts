/** What to do about a failed start, read from what the program said. */
export function adviceFor(output: string): string {
  if (/No space left on device|disk quota exceeded/i.test(output)) {
    return "The disk is full: free some space, or point WANHUI_DATA at a larger disk, and start again.";
  }
  if (/Read-only file system/i.test(output))
    return "The disk is read-only: choose a folder with WANHUI_DATA.";
  if (/Permission denied|not a directory/i.test(output)) {
    return "Check who owns the data folder, or choose another with WANHUI_DATA.";
  }
  if (/error while loading shared libraries|version .GLIBC/i.test(output)) {
    return "This system lacks a library PostgreSQL needs: set DATABASE_URL to a PostgreSQL server of your own.";
  }
  return "Run `wanhui doctor`. Another folder is chosen with WANHUI_DATA, a PostgreSQL of your own with DATABASE_URL.";
}
