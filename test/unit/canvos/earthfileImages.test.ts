import { expect } from "chai";
import { imagesOf, readRecipes, scriptImages } from "../../../provider/canvos/earthfile.images";

/** The forms that CanvOS's own Earthfiles have. */
const EARTHFILE = `
VERSION --arg-scope-and-set --shell-out-anywhere 0.6
ARG TARGETARCH
ARG REPO=registry.example.com/public
ARG ALPINE_IMG=$REPO/alpine:3.20
FROM $ALPINE_IMG
ARG FIPS_ENABLED=false
IF [ "$FIPS_ENABLED" = "true" ] && [ "$REPO" = "registry.example.com/public" ]
    LET REPO=registry.example.com/fips
END
ARG PE_VERSION="v4.8.10"
ARG OS_DISTRIBUTION
ARG OS_VERSION
ARG ARCH
ARG HTTP_PROXY
ARG K8S_VERSION
IF [ "$OS_DISTRIBUTION" = "ubuntu" ] && [ "$BASE_IMAGE" = "" ]
    IF [ "$OS_VERSION" == 22 ] || [ "$OS_VERSION" == 20 ]
        ARG BASE_TAG=$OS_DISTRIBUTION:$OS_VERSION.04
    ELSE
        ARG BASE_TAG=$OS_DISTRIBUTION:$OS_VERSION
    END
    ARG BASE_IMAGE=$REPO/$BASE_TAG
ELSE IF [ "$OS_DISTRIBUTION" = "rhel" ]
    ARG BASE_IMAGE
END

all:
    IF $FIPS_ENABLED
        BUILD +provider-fips
    ELSE
        BUILD +provider-of --K8S=\${K8S_VERSION}
    END
    BUILD --platform=linux/$ARCH +iso

provider-of:
    ARG K8S
    IF [ "$K8S" = "" ]
        FOR version IN $(cat versions.txt)
            FROM $REPO/every:$version
        END
    ELSE IF [ "$K8S" != "1.34.2" ]
        FROM $REPO/old:$K8S
    ELSE
        FROM --platform=linux/\${ARCH} $REPO/provider:$K8S
    END
    COPY (+third-party/luet --binary=luet) /usr/bin/luet
    LET NAME=plain
    IF [ -f /etc/own ]
        LET NAME=own
        COPY +maybe/file /
    END
    FROM $REPO/$NAME:1

third-party:
    # FROM $REPO/never:1
    FROM $REPO/third-\${TARGETARCH}:$PE_VERSION

maybe:
    FROM $REPO/maybe:2

provider-fips:
    FROM $REPO/provider-fips:1

iso:
    DO +BASE
    FROM +base
    COPY --if-exists content-*/*.zst /overlay/

base:
    FROM DOCKERFILE --build-arg BASE=$BASE_IMAGE \\
    --build-arg OS_VERSION=$OS_VERSION .

BASE:
    COMMAND
    IF [ ! -z $HTTP_PROXY ]
        FROM $REPO/proxy:1
    END

other:
    FROM $REPO/other:1
`;
const PUBLIC = "registry.example.com/public";

describe("canvos: the images that a build pulls", () => {
    const recipes = readRecipes(EARTHFILE);
    const given = { OS_DISTRIBUTION: "ubuntu", OS_VERSION: "24.04", ARCH: "amd64", K8S_VERSION: "1.34.2" };

    function pulled(more: Record<string, string> = {}, targets = ["all"]): string[] {
        const { images } = imagesOf(recipes, targets, { ...given, ...more });
        return images.map((each) => each.replace(`${PUBLIC}/`, ""));
    }

    it("are those of the targets and of what they take from, on the branches that are built", () => {
        expect(pulled()).to.deep.equal([
            ...["alpine:3.20", "maybe:2", "provider:1.34.2", "third-amd64:v4.8.10", "ubuntu:24.04"],
        ]);
        expect(pulled({ K8S_VERSION: "1.33.1" })).to.include("old:1.33.1");
        expect(pulled({ HTTP_PROXY: "http://proxy:3128" })).to.include("proxy:1");
        expect(pulled({}, ["other"])).to.deep.equal(["alpine:3.20", "other:1"]);
    });

    it("follow what is given, and what the Earthfile sets itself", () => {
        expect(pulled({ REPO: "mirror.example.com" })).to.include("mirror.example.com/ubuntu:24.04");
        expect(pulled({ FIPS_ENABLED: "true" })).to.include("registry.example.com/fips/provider-fips:1");
    });

    it("are left out where only a build can tell", () => {
        const all = pulled({ K8S_VERSION: "" });
        expect(all.filter((each) => /every|plain|own/.test(each))).to.deep.equal([]);
        expect(all).to.include("maybe:2");
    });

    it("have the base image by its name, and a given one instead", () => {
        const base = (more: Record<string, string>): string =>
            imagesOf(recipes, [], { ...given, ...more }).base;
        expect(base({})).to.equal(`${PUBLIC}/ubuntu:24.04`);
        expect(base({ OS_VERSION: "22" })).to.equal(`${PUBLIC}/ubuntu:22.04`);
        expect(base({ BASE_IMAGE: "quay.io/own:1" })).to.equal("quay.io/own:1");
        expect(base({ OS_DISTRIBUTION: "rhel" })).to.equal("");
    });

    it("are those of earthly.sh, too, which has Earthly's builder only behind a proxy", () => {
        const script = [
            "SPECTRO_PUB_REPO=us.example.com/images",
            "EARTHLY_VERSION=v0.8.15",
            "source .arg",
            "ALPINE_IMG=$SPECTRO_PUB_REPO/edge/alpine:3.20",
            'docker run -t "$SPECTRO_PUB_REPO"/earthly/earthly:"$EARTHLY_VERSION" "$@"',
            'docker run -d "${SPECTRO_PUB_REPO}"/earthly/buildkitd:"$EARTHLY_VERSION"',
        ].join("\n");
        expect(scriptImages(script, {})).to.deep.equal([
            "us.example.com/images/edge/alpine:3.20",
            "us.example.com/images/earthly/earthly:v0.8.15",
        ]);
        const behind = scriptImages(script, {
            SPECTRO_PUB_REPO: "own:5000",
            HTTPS_PROXY: "http://proxy:3128",
        });
        expect(behind).to.include("own:5000/earthly/buildkitd:v0.8.15");
    });
});
