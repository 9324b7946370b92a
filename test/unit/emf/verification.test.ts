import { expect } from "chai";
import * as fc from "fast-check";
import type { HostNic } from "../../../provider/emf/api";
import { addressOf } from "../../../provider/emf/hostAddress";
import { describeRelease, isVersion, parseOsRelease } from "../../../provider/emf/osRelease";

const UBUNTU = `PRETTY_NAME="Ubuntu 24.04.1 LTS"
NAME="Ubuntu"
VERSION_ID="24.04"
VERSION="24.04.1 LTS (Noble Numbat)"
# a comment
HOME_URL='https://www.ubuntu.com/'
`;
const MICROVISOR = `NAME="Edge Microvisor Toolkit"\nVERSION="3.0.20250806"\nVERSION_ID="3.0"\nIMAGE_VERSION=3.0.20250806.1200\n`;

describe("the version of an OS", () => {
    const table: [string, string, boolean][] = [
        [UBUNTU, "24.04", true],
        [UBUNTU, "24.04.1", true],
        [UBUNTU, "Ubuntu 24.04.1 LTS", true],
        [UBUNTU, "Noble", true],
        [UBUNTU, "24.0", false],
        [UBUNTU, "24.04.2", false],
        [MICROVISOR, "3.0", true],
        [MICROVISOR, "3.0.20250806", true],
        [MICROVISOR, "3.0.20250806.1200", true],
        [MICROVISOR, "3.0.2025", false],
        ["", "1", false],
    ];
    for (const [text, version, expected] of table) {
        it(`${version} is ${expected ? "" : "not "}that of ${text.split("\n")[0] ?? ""}`, () => {
            expect(isVersion(parseOsRelease(text), version)).to.equal(expected);
        });
    }

    it("is shown as people know it", () => {
        expect(describeRelease(parseOsRelease(UBUNTU))).to.equal("Ubuntu 24.04.1 LTS (VERSION_ID 24.04)");
        expect(describeRelease({})).to.equal("a system without a name");
    });

    it("is read back from any quoted value", () => {
        const value = fc.string().filter((text) => !text.includes("\n") && !text.includes("\r"));
        fc.assert(
            fc.property(value, (text) => {
                const line = `VERSION_ID="${text.replace(/[\\"$`]/g, "\\$&")}"`;
                expect(parseOsRelease(`A=1\n${line}\nB=2`)).to.deep.equal({
                    A: "1",
                    VERSION_ID: text,
                    B: "2",
                });
            }),
        );
    });
});

describe("the address of a host", () => {
    const nic = (addresses: string[], bmcInterface = false): HostNic => ({
        deviceName: "eth0",
        bmcInterface,
        ipaddresses: addresses.map((address) => ({ address })),
    });
    const table: [string, HostNic[], string | undefined][] = [
        [
            "the first that is one",
            [nic([]), nic(["127.0.0.1/8", "10.0.0.7/24"]), nic(["10.0.0.8/24"])],
            "10.0.0.7",
        ],
        ["IPv4 before IPv6", [nic(["fe80::1/64", "2001:db8::7/64", "10.0.0.7/24"])], "10.0.0.7"],
        ["IPv6 alone", [nic(["fe80::1/64", "2001:db8::7/64"])], "2001:db8::7"],
        ["not the management controller's", [nic(["10.9.0.7/24"], true)], undefined],
        ["none that is only its own", [nic(["169.254.3.4/16", "::1/128", "nonsense"])], undefined],
        ["none", [], undefined],
    ];
    for (const [title, hostNics, expected] of table) {
        it(title, () => expect(addressOf({ hostNics })).to.equal(expected));
    }
});
