# Runs a command in a root of its own: what LOWER shows, with all changes in memory. To be run
# as root in a mount namespace of its own; all is gone with that.
#   sh root.sh STAGE LOWER SHARED COMMAND...
# STAGE is an empty folder for the mounts, LOWER the layers of the overlay, topmost first, and
# SHARED a folder of the host that is seen under the same name.
set -eu
stage=$1 lower=$2 shared=$3
shift 3

# Mounts on files, as containers have it, and what /run holds are not part of the overlay.
resolver=$(cat /etc/resolv.conf 2>/dev/null || true)

mount -t tmpfs -o mode=0755 popgate "$stage"
mkdir "$stage/upper" "$stage/work" "$stage/root"
mount -t overlay -o "lowerdir=$lower,upperdir=$stage/upper,workdir=$stage/work" popgate "$stage/root"
cd "$stage/root"
rm -f etc/resolv.conf
printf '%s\n' "$resolver" >etc/resolv.conf

mount -t proc proc proc
# Nothing that listens on the host, and no temporary file of it, is seen.
for folder in dev run tmp; do
    mount -t tmpfs -o mode=0755 popgate "$folder"
done
chmod 1777 tmp
mkdir run/lock dev/shm
ln -s /proc/self/fd dev/fd
for node in null zero full random urandom; do
    touch "dev/$node"
    mount --bind "/dev/$node" "dev/$node"
done
mkdir -p "./$shared"
mount --bind "$shared" "./$shared"

exec chroot . "$@"
