import { expect } from "chai";
import { publication, publishedUrl } from "../../../provider/image/diskImage.publish";
import { describeIssue, formatPath } from "../../../provider/resource/problem";

const FILE = { fileName: "ubuntu-0123456789abcdef.img", sha256: "ab".repeat(32), sizeBytes: 5 };

function problems(given: unknown): string[] {
    const { error } = publication.safeParse(given, { reportInput: true });
    return (error?.issues ?? []).map((issue) => `${formatPath(issue.path)} ${describeIssue(issue)}`.trim());
}

describe("publish of a DiskImage", () => {
    const s3 = { bucket: "images", endpoint: "https://s3.example.com", prefix: "edge/a" };
    const oci = { repository: "oci://registry.example.com/edge/ubuntu" };

    it("names one place", () => {
        const one = "must name one place, directory (with baseUrl), s3 or oci, and names";
        expect(problems({})).to.deep.equal([`${one} none`]);
        expect(problems(undefined)).to.deep.equal([`${one} none`]);
        expect(problems({ s3, oci })).to.deep.equal([`${one} s3 and oci`]);
        expect(problems({ directory: "a" })).to.deep.equal(["baseUrl is required"]);
        expect(problems({ s3, baseUrl: "https://a.example.com" })).to.deep.equal([
            "baseUrl belongs to directory: it is publish.s3.baseUrl",
        ]);
        expect(problems({ s3, onDelete: "remove" })).to.deep.equal([]);
        expect(problems({ oci })).to.deep.equal([]);
    });

    it("says each mistake once, where it is", () => {
        const cases: [unknown, string][] = [
            [{ s3: { ...s3, bucket: "Images" } }, "s3.bucket must be the name of a bucket"],
            [{ s3: { ...s3, prefix: "/edge" } }, "s3.prefix must be a path"],
            [{ s3: { ...s3, prefix: "a/../b" } }, "s3.prefix must be a path"],
            [{ s3: { ...s3, endpoint: "http://s3.example.com" } }, "s3.endpoint must use https"],
            [{ s3: { bucket: "images", endpoint: "http://127.0.0.1:1" } }, "s3.baseUrl is required"],
            [{ s3: { ...s3, key: "a" } }, 's3 has no "key"'],
            [{ oci: { repository: "registry.example.com/edge" } }, "oci.repository must be a repository"],
            [
                { oci: { repository: `${oci.repository}:1` } },
                "oci.repository must be a repository without tag",
            ],
            [{ oci: { ...oci, tag: "a b" } }, "oci.tag must be a tag"],
            [{ s3, onDelete: "leave" }, 'onDelete must be "keep" or "remove"'],
        ];
        for (const [given, text] of cases) {
            const found = problems(given);
            expect(found, text).to.have.lengthOf(1);
            expect(found[0]).to.contain(text);
        }
    });

    it("tells the URL before anything is there", () => {
        const url = (given: unknown): string => publishedUrl(publication.parse(given), FILE);
        expect(url({ directory: "a", baseUrl: "https://i.example.com/x/" })).to.equal(
            `https://i.example.com/x/${FILE.fileName}`,
        );
        expect(url({ s3 })).to.equal(`https://s3.example.com/images/edge/a/${FILE.fileName}`);
        expect(url({ s3: { bucket: "images", region: "eu-north-1" } })).to.equal(
            `https://images.s3.eu-north-1.amazonaws.com/${FILE.fileName}`,
        );
        expect(url({ s3: { bucket: "my.images" } })).to.equal(
            `https://s3.amazonaws.com/my.images/${FILE.fileName}`,
        );
        expect(url({ s3: { ...s3, baseUrl: "https://cdn.example.com" } })).to.equal(
            `https://cdn.example.com/${FILE.fileName}`,
        );
        expect(url({ oci })).to.match(/^oci:\/\/registry\.example\.com\/edge\/ubuntu@sha256:[0-9a-f]{64}$/);
    });
});
