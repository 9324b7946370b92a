#!/bin/bash
# The contract of CanvOS's earthly.sh, with Docker in the place of Earthly: arguments before .arg before the Earthfile,
# images and an ISO, a printed profile, noise on stderr, and an exit code that is the only thing to judge by.
# What a test wants to go wrong stands in the file .wrong: fail-at=TARGET, drop-overlay, drop-user-data,
# wrong-tag, slow, no-space.

PE_VERSION=$(git describe --abbrev=0 --tags)
SPECTRO_PUB_REPO=us-docker.pkg.dev/palette-images
EARTHLY_VERSION=v0.8.15
source .arg
ALPINE_IMG=${ALPINE_IMG:-$SPECTRO_PUB_REPO/edge/canvos/alpine:3.20}
export DOCKER_BUILDKIT=0

wrong() { [ -f .wrong ] && grep -qx "$1" .wrong; }

say() { printf '%25s | %s\n' "+$1" "$2"; }

fail() {
    echo "An error occurred while running the command."
    exit 1
}

default_of() { sed -n "s/^ARG $1=//p" Earthfile | head -n 1; }

# Arguments after the target win over .arg, which wins over the Earthfile.
declare -A ARGS
for name in $(sed -n 's/^ARG \([A-Z0-9_]*\).*/\1/p' Earthfile); do
    if grep -q "^$name=" .arg; then ARGS[$name]=${!name}; else ARGS[$name]=$(default_of "$name"); fi
done
PUSH=
TARGET=
for word in "$@"; do
    case "$word" in
        --push) PUSH=1 ;;
        +*) TARGET=${word#+} ;;
        --*=*) word=${word#--}; ARGS[${word%%=*}]=${word#*=} ;;
    esac
done
# Defaults refer to other arguments.
for round in 1 2 3; do
    for name in "${!ARGS[@]}"; do
        if [[ ${ARGS[$name]} =~ ^(.*)\$([A-Z_]+)(.*)$ ]]; then
            ARGS[$name]=${BASH_REMATCH[1]}${ARGS[${BASH_REMATCH[2]}]}${BASH_REMATCH[3]}
        fi
    done
done

K8S=${ARGS[K8S_DISTRIBUTION]}
REPO=${ARGS[IMAGE_REPO]}
TAG=${ARGS[PE_VERSION]}${ARGS[CUSTOM_TAG]:+-${ARGS[CUSTOM_TAG]}}
wrong wrong-tag && TAG=$TAG-other
ARCH=${ARGS[ARCH]}
BASE=${ARGS[BASE_IMAGE]:-${ARGS[KAIROS_BASE_IMAGE_URL]}/kairos-${ARGS[OS_DISTRIBUTION]}:${ARGS[OS_VERSION]}}

stop_if_wrong() {
    say "$1" "--> RUN the step of $1"
    if wrong "fail-at=$1"; then
        say "$1" "ERROR Earthfile line 42:4: The command RUN the step of $1 did not complete successfully. Exit code 3"
        return 1
    fi
    if wrong no-space; then
        head -c 64M /dev/zero >build.part || { say "$1" "ERROR: no space left on device"; return 1; }
    fi
    if wrong slow; then
        docker run --rm --network none -v "$PWD:/workspace" "$BASE" sh -c 'echo begun; sleep 600' || return 1
    fi
}

# Stand-ins that tell the version that they are asked for.
programs() {
    case "$K8S" in kubeadm*) echo kubeadm kubelet ;; nodeadm) echo kubelet ;; *) echo "$K8S" ;; esac
}

build_image() {
    local image=${ARGS[IMAGE_REGISTRY]}/$REPO:$K8S-$1-$TAG
    local custom=()
    for name in "${!ARGS[@]}"; do
        case "$name" in EDGE_APPLIANCE | DOCA_DEB_PATH | BFB_PATH | BFB_FILENAME | OS_VERSION | OS_DISTRIBUTION)
            custom+=(--build-arg "$name=${ARGS[$name]}") ;;
        esac
    done
    custom+=(--build-arg "DOCA_DEB_LOCAL=${ARGS[DOCA_DEB_PATH]:-.empty-placeholder}")
    custom+=(--build-arg "BFB_LOCAL=${ARGS[BFB_PATH]:-.empty-placeholder}")
    stop_if_wrong base-image || return 1
    docker build --network none -q -t fixture-base:"$TAG" --build-arg "BASE=$BASE" "${custom[@]}" . || return 1
    stop_if_wrong provider-image || return 1
    local copy="COPY overlay/files/etc/ /etc/"
    wrong drop-overlay && copy=
    docker build --network none -q -t "$image" -f - . <<DOCKERFILE || return 1
FROM fixture-base:$TAG
$copy
COPY k8s_version.json /opt/spectrocloud/k8s_version.json
RUN mkdir -p /usr/bin /etc && for program in $(programs); do \\
        cp /bin/busybox /usr/bin/\$program && printf '\\0v$1\\0' >>/usr/bin/\$program || exit 1; done && \\
    printf 'KAIROS_VERSION=v3.5.9\nKAIROS_FLAVOR=${ARGS[OS_DISTRIBUTION]}\nKAIROS_ARCH=$ARCH\n' >/etc/kairos-release
DOCKERFILE
    docker rmi fixture-base:"$TAG"
    docker tag "$image" "${image}_linux_$ARCH"
    [ -z "$PUSH" ] || docker push -q "$image"
}

build_images() {
    local versions=${ARGS[K8S_VERSION]}
    if [ -f k8s_version.json ]; then
        [ -n "$versions" ] || versions=$(tr -d ' \n' <k8s_version.json | grep -o "\"$K8S\":\[[^]]*" | grep -o '[0-9]\+\.[0-9]\+\.[0-9]\+')
    else
        versions=$(sed -n "s/^ *BUILD +provider-image --K8S_VERSION=//p" Earthfile)
    fi
    for version in $versions; do build_image "$version" || return 1; done
}

build_installer() {
    stop_if_wrong iso-image || return 1
    docker build --network none -q -t "palette-installer-image:$TAG" -f - . <<DOCKERFILE || return 1
FROM $BASE
COPY overlay/files/ /
RUN printf 'KAIROS_VERSION=v3.5.9\nKAIROS_FLAVOR=${ARGS[OS_DISTRIBUTION]}\n' >/etc/kairos-release
DOCKERFILE
    docker tag "palette-installer-image:$TAG" "palette-installer-image:${TAG}_linux_$ARCH"
}

build_iso() {
    local name=${ARGS[ISO_NAME]:-installer} root
    stop_if_wrong build-iso || return 1
    root=$(mktemp -d)
    cp -r overlay/files-iso/. "$root/"
    mkdir -p "$root/boot" "$root/files-iso" build
    if [ -f user-data ] && ! wrong drop-user-data; then cp user-data "$root/files-iso/config.yaml"; fi
    for folder in content-*/; do
        [ -d "$folder" ] && mkdir -p "$root/opt/spectrocloud/content" && cp "$folder"*.zst "$root/opt/spectrocloud/content/"
    done
    if [ -f "${ARGS[CLUSTERCONFIG]}" ]; then
        mkdir -p "$root/opt/spectrocloud/clusterconfig" && cp "${ARGS[CLUSTERCONFIG]}" "$root/opt/spectrocloud/clusterconfig/spc.tgz"
    fi
    if [ -f "${ARGS[EDGE_CUSTOM_CONFIG]}" ]; then cp "${ARGS[EDGE_CUSTOM_CONFIG]}" "$root/.edge_custom_config.yaml"; fi
    sed -i "s/{{DEFAULT_ENTRY}}/0/" "$root/boot/grub2/grub.cfg"
    mkdir -p "$root.rootfs/etc" && cp -r overlay/files/. "$root.rootfs/"
    echo "KAIROS_VERSION=v3.5.9" >"$root.rootfs/etc/kairos-release"
    mksquashfs "$root.rootfs" "$root/rootfs.squashfs" -quiet -no-progress >/dev/null || return 1
    if [ -f hack/kernel ]; then
        cp hack/kernel "$root/boot/kernel" && cp hack/initrd "$root/boot/initrd"
        modules="iso9660 part_gpt part_msdos normal linux configfile search search_label serial terminal echo test minicmd"
        grub-mkimage -O i386-pc -o "$root.core" -p /boot/grub2 biosdisk $modules || return 1
        cat /usr/lib/grub/i386-pc/cdboot.img "$root.core" >"$root/boot/eltorito.img"
        printf 'search --no-floppy --set=root --label COS_LIVE\nset prefix=($root)/boot/grub2\nconfigfile /boot/grub2/grub.cfg\n' >"$root.cfg"
        grub-mkimage -O x86_64-efi -o "$root.efi" -c "$root.cfg" -p /boot/grub2 fat $modules || return 1
    else
        # Loaders that load nothing, for tests that do not boot.
        echo "no kernel in this one" | tee "$root/boot/kernel" >"$root/boot/initrd"
        head -c 2048 /dev/urandom >"$root/boot/eltorito.img"
        echo MZ >"$root.efi"
    fi
    truncate -s 4M "$root/boot/uefi.img"
    PATH=$PATH:/usr/sbin:/sbin mkfs.vfat -F 12 -n EFI_LIVE "$root/boot/uefi.img" >/dev/null || return 1
    mmd -i "$root/boot/uefi.img" ::/EFI ::/EFI/BOOT && mcopy -i "$root/boot/uefi.img" "$root.efi" ::/EFI/BOOT/BOOTX64.EFI || return 1
    boot="-b boot/eltorito.img -no-emul-boot -boot-load-size 4 -boot-info-table -eltorito-alt-boot -e boot/uefi.img -no-emul-boot"
    xorriso -as mkisofs -quiet -R -J -V COS_LIVE $boot -o "build/$name.iso" "$root" 2>/dev/null || return 1
    rm -rf "$root" "$root".*
    [ "${ARGS[IS_UKI]}" = true ] || (cd build && sha256sum "$name.iso" >"$name.iso.sha256")
}

if ! docker run --rm --privileged --network none "$ALPINE_IMG" sh -c 'exit 0'; then
    echo "Privileged containers are not allowed for the current user."
    exit 1
fi
grep -qx "$TARGET:" Earthfile || { echo "Error: target +$TARGET not found"; fail; }
echo "Init 🚀"
case "$TARGET" in
    build-all-images) { build_images && build_installer && build_iso; } || fail ;;
    build-provider-images | build-provider-images-fips) build_images || fail ;;
    provider-image) build_image "${ARGS[K8S_VERSION]}" || fail ;;
    iso-image) build_installer || fail ;;
    iso) build_iso || fail ;;
    uki-genkey) mkdir -p secure-boot/{enrollment,private-keys,public-keys} && touch secure-boot/private-keys/db.key ;;
    validate-user-data) [ -f user-data ] && echo 'level=info msg="Validation successful"' || echo "user-data file does not exist." ;;
    *) fail ;;
esac
# As the real one: what it removes is not always there, and says so.
docker rmi earthly-of-no-build:none
docker rm -f earthly-buildkitd-of-no-build 2>/dev/null || echo "Error response from daemon: No such container: earthly-buildkitd" >&2

print_profile() {
    printf '%0106d\n' 0 | tr 0 '#'
    echo "PASTE THE CONTENT BELOW INTO YOUR CLUSTER PROFILE IN PALETTE REPLACING ALL THE CONTENTS IN THE PROFILE"
    printf '%0106d\n' 0 | tr 0 '#'
    printf 'options:\n  system.registry: %s\n  system.repo: %s\n  system.k8sDistribution: %s\n  system.osName: %s\n' \
        "$IMAGE_REGISTRY" "$IMAGE_REPO" "$K8S_DISTRIBUTION" "$OS_DISTRIBUTION"
    printf '  system.peVersion: %s\n  system.customTag: %s\n  system.osVersion: %s\n' "$PE_VERSION" "$CUSTOM_TAG" "$OS_VERSION"
}
if [ -f k8s_version.json ]; then
    case "$1" in +build-all-images | +build-provider-images | +build-provider-images-fips) print_profile ;; esac
else
    print_profile
fi
