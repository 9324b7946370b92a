import { expect } from "chai";
import * as fc from "fast-check";
import * as yaml from "yaml";
import type { UserData } from "../../../provider/canvos/userData";
import {
    renderUserData,
    userDataFindings,
    userDataTextFindings,
} from "../../../provider/canvos/userData.text";
import { formatPath } from "../../../provider/resource/problem";

const TOKEN = "aGVsbG8gdG9rZW4=";
const SITE = { paletteEndpoint: "api.spectrocloud.com", edgeHostToken: TOKEN, projectName: "stores" };

const COMPLETE: UserData = {
    stylus: {
        site: {
            ...SITE,
            name: "edge-lab1-01",
            prefix: "edge",
            hostName: "lab1-01",
            tags: { site: "lab1" },
            deviceUIDPaths: [{ name: "/sys/class/dmi/id/product_uuid", regex: ".*" }],
            network: {
                httpProxy: "http://proxy.example.com:3128",
                interfaces: { eno1: { type: "static", ipAddress: "10.0.10.25/24", gateway: "10.0.10.1" } },
            },
            ntpServers: ["ntp.example.com"],
        },
    },
    install: {
        device: "auto",
        bind_mounts: ["/etc/default", "/etc/lldpd.d", "/etc/modprobe.d", "/etc/modules-load.d"],
        grub_options: { extra_cmdline: "intel_iommu=on iommu=pt" },
        poweroff: true,
    },
    stages: { initramfs: [{ users: { kairos: { groups: ["sudo"] } } }] },
};

function siteWith(changes: Record<string, unknown>): unknown {
    return { stylus: { site: { ...SITE, ...changes } } };
}

describe("canvos: user-data", () => {
    it("takes a complete one, and renders it so that it reads back the same", () => {
        expect(userDataFindings(COMPLETE)).to.deep.equal({ problems: [], warnings: [] });
        const text = renderUserData(COMPLETE);
        expect(text.split("\n")[0]).to.equal("#cloud-config");
        expect(yaml.parse(text, { version: "1.1" })).to.deep.equal(COMPLETE);
        expect(userDataTextFindings(text)).to.deep.equal({ problems: [], warnings: [] });
    });

    it("renders every text as that text, also those that YAML 1.1 takes for something else", () => {
        const words = fc.constantFrom(
            "yes",
            "on",
            "0777",
            "1:30",
            "24.04",
            "null",
            "~",
            "# x",
            "a: b",
            "- a",
            "2026-11-21",
        );
        fc.assert(
            fc.property(
                fc.dictionary(fc.string(), fc.oneof(words, fc.string({ unit: "grapheme" }))),
                (tags) => {
                    delete tags.__proto__;
                    delete tags["<<"];
                    const data = { stylus: { site: { tags } } };
                    expect(yaml.parse(renderUserData(data), { version: "1.1" })).to.deep.equal(data);
                },
            ),
            { numRuns: 150 },
        );
    });

    const problems: [data: unknown, path: string, message: RegExp][] = [
        [siteWith({ name: "edge.lab1" }), "stylus.site.name", /must have none of/],
        [siteWith({ name: "e".repeat(129) }), "stylus.site.name", /at most 128/],
        [siteWith({ prefix: "edge_" }), "stylus.site.prefix", /letters, digits and -/],
        [
            siteWith({ paletteEndpoint: "https://api.spectrocloud.com" }),
            "stylus.site.paletteEndpoint",
            /without a scheme/,
        ],
        [siteWith({ paletteEndpoint: undefined }), "stylus.site.paletteEndpoint", /is required/],
        [siteWith({ edgeHostToken: undefined }), "stylus.site.edgeHostToken", /or registrationURL/],
        [siteWith({ edgeHostToken: `${TOKEN} x` }), "stylus.site.edgeHostToken", /no blanks/],
        [siteWith({ tags: { rack: 7 } }), "stylus.site.tags.rack", /must be a string/],
        [siteWith({ tags: { "<<": "x" } }), "stylus.site.tags", /merge/],
        [siteWith({ hostName: "-x" }), "stylus.site.hostName", /host name/],
        [siteWith({ deviceUIDPaths: [{ name: "dmi" }] }), "stylus.site.deviceUIDPaths[0].name", /absolute/],
        [
            siteWith({ deviceUIDPaths: [{ name: "/d", regex: "(" }] }),
            "stylus.site.deviceUIDPaths[0].regex",
            /expression/,
        ],
        [siteWith({ caCerts: ["/etc/ca.pem"] }), "stylus.site.caCerts[0]", /PEM/],
        [
            siteWith({ network: { interfaces: { eno1: { type: "static", ipAddress: "10.0.0.1/24" } } } }),
            "stylus.site.network.interfaces.eno1.gateway",
            /required with type: static/,
        ],
        [
            siteWith({ network: { interfaces: { eno1: { type: "dhcp", ipAddress: "10.0.0.1/33" } } } }),
            "stylus.site.network.interfaces.eno1.ipAddress",
            /prefix length/,
        ],
        [{ install: { poweroff: true, reboot: true } }, "install", /both poweroff and reboot/],
        [{ install: { bind_mounts: ["etc"] } }, "install.bind_mounts[0]", /absolute/],
        [{ stages: { boot: "x" } }, "stages.boot", /must be an array/],
    ];
    for (const [data, path, message] of problems) {
        it(`refuses ${path}: ${message.source}`, () => {
            const found = userDataFindings(data).problems;
            expect(found.map((each) => formatPath(each.path))).to.deep.equal([path]);
            expect(found[0]?.message).to.match(message);
            expect(JSON.stringify(found)).to.not.contain(TOKEN);
        });
    }

    it("needs neither Palette nor a token where the host manages itself", () => {
        expect(userDataFindings({ stylus: { managementMode: "local", site: {} } })).to.deep.equal({
            problems: [],
            warnings: [],
        });
        expect(userDataFindings({ stylus: {} }).problems).to.have.lengthOf(2);
    });

    it("warns of a token that may have no project", () => {
        const { warnings, problems: none } = userDataFindings(siteWith({ projectName: undefined }));
        expect(none).to.deep.equal([]);
        expect(warnings.map(({ path }) => formatPath(path))).to.deep.equal(["stylus.site.projectName"]);
    });

    describe("of a file", () => {
        const messages = (text: string): string[] =>
            userDataTextFindings(text).problems.map(({ message }) => message);

        it("names the line of what is wrong, and never what stands there", () => {
            const text = `#cloud-config\nstylus:\n  site:\n    paletteEndpoint: https://x\n    edgeHostToken: ${TOKEN} x\n    projectName: a\n`;
            expect(messages(text)).to.have.lengthOf(2);
            expect(messages(text)[0]).to.match(/^line 4: stylus\.site\.paletteEndpoint must be a host name/);
            expect(messages(text)[1]).to.match(/^line 5: stylus\.site\.edgeHostToken must have no blanks/);
            expect(messages(text).join()).to.not.contain(TOKEN);
        });

        it("names the line above of what is missing", () => {
            expect(
                messages("#cloud-config\nstylus:\n  site:\n    edgeHostToken: x\n    projectName: a\n"),
            ).to.match(/^line 3: stylus\.site\.paletteEndpoint is required/);
        });

        it("has to begin with its header", () => {
            for (const text of [
                "# ours\n#cloud-config\na: 1\n",
                "\uFEFF#cloud-config\na: 1\n",
                "a: 1\n",
                "",
            ]) {
                expect(messages(text)).to.match(/^must begin with the line #cloud-config/);
            }
        });

        it("has to be a map in valid YAML", () => {
            expect(messages(`#cloud-config\na: [${TOKEN}\n`)).to.match(/^line \d: not valid YAML/);
            expect(messages("#cloud-config\na: 1\na: 2\n")).to.match(/^line 3: a key is given twice/);
            expect(messages("#cloud-config\n- a\n")).to.deep.equal(["must be a map below its first line"]);
            expect(messages("#cloud-config\n")).to.deep.equal(["must be a map below its first line"]);
            expect(messages("#cloud-config\na: *b\n").join()).to.match(/alias/);
        });
    });
});
