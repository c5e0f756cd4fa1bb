// Writes an initramfs: a cpio archive of the "newc" format, which is what the kernel unpacks. Knows
// nothing of its contents.

const MODE_FILE = 0o100755;
const MODE_FOLDER = 0o040755;

function pad4(length) {
  return Buffer.alloc((4 - (length % 4)) % 4);
}

function entry(inode, name, mode, content) {
  const path = Buffer.from(`${name}\0`);
  // Inode, mode, uid, gid, links, mtime, size, two device numbers twice, name's length, checksum.
  const fields = [inode, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, path.length, 0];
  const digits = fields.map((field) => field.toString(16).padStart(8, '0'));
  const header = Buffer.from(`070701${digits.join('')}`);
  return [header, path, pad4(header.length + path.length), content, pad4(content.length)];
}

/** The archive of `files`, a map from path (without a leading slash) to content. */
export function initramfs(files) {
  const folders = new Set([...files.keys()].flatMap(foldersAbove));
  const empty = Buffer.alloc(0);
  const parts = [];
  let inode = 1;
  for (const folder of folders) parts.push(...entry(inode++, folder, MODE_FOLDER, empty));
  for (const [path, content] of files) {
    parts.push(...entry(inode++, path, MODE_FILE, Buffer.from(content)));
  }
  return Buffer.concat([...parts, ...entry(0, 'TRAILER!!!', 0, empty)]);
}

function foldersAbove(path) {
  const names = path.split('/').slice(0, -1);
  return names.map((_, index) => names.slice(0, index + 1).join('/'));
}
