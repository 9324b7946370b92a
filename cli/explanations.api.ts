import type { Explanation } from "./explanation";

const API = "EMF's API";
const CLI = "orch-cli";

/** Errors of the REST API. */
export const HTTP_TEXTS: readonly Explanation[] = [
    {
        text: 'unique constraint "operatingsystemresource_name_tenant_id"',
        from: API,
        cause: "an OS profile of this name is already in the project (this comes as 400, not 409)",
        todo: ["give the new version a name of its own; or take the existing one over: adopt: true"],
    },
    {
        text: 'unique constraint "operatingsystemresource_profile_name_image_id_tenant_id"',
        from: API,
        cause: "an OS profile with the same profileName and imageId is already in the project",
        todo: ["give this version another imageId (osImageVersion)"],
    },
    {
        text: 'unique constraint "host_resources_uuid_key"',
        from: API,
        cause: "a host with this UUID is registered already, maybe in another project, or one is still being deleted",
        todo: [
            "in this project: adopt: true takes it over",
            "in another project: delete it there first (instance, then host), and wait until it is gone",
        ],
    },
    {
        text: 'unique constraint "hostresource_serial_number"',
        from: API,
        cause: "a host with this serial number and no UUID is registered already, maybe in another project",
        todo: ["in this project: adopt: true takes it over; else delete the other one first"],
    },
    {
        text: 'unique constraint "<rule>"',
        from: API,
        cause: "something that must be unique in the project is taken",
        todo: ["choose another name, or take the existing object over"],
    },
    {
        text: "violates foreign key constraint",
        from: API,
        cause: "the object is still in use: a profile by an instance (also by one that is being deleted), a region by its sites",
        todo: [
            "delete the users first, and wait until they are gone; edge-os emf inventory shows which hosts use a profile",
        ],
    },
    {
        text: "the <kind> has <relations> with <users> and cannot be deleted",
        from: API,
        cause: "the object is still in use",
        todo: [
            "delete or move its users first: instances before accounts and configs, hosts before sites, sites before regions",
        ],
    },
    {
        text: "one of [<n>] is already connected to a different <edge>",
        from: API,
        cause: "the host has an instance already, maybe one that is still being deleted; each host has one",
        todo: ["delete that instance and wait until it is gone; EdgeHost does this in the right order"],
    },
    {
        text: "field name is immutable",
        from: API,
        cause: "a PATCH or PUT of an OS profile named a field that EMF never changes, even with the same value",
        todo: [
            "make a new profile with a new name; only architecture, metadata and certificate change in place",
        ],
    },
    {
        text: "Access denied or project not found",
        from: API,
        cause: "the project's name is wrong, or the user has no role in it",
        todo: [
            "check the project's name (case counts)",
            "the user needs the role <project uid>_im-rw in Keycloak (_im-r to read)",
        ],
    },
    {
        text: "Forbidden",
        from: API,
        cause: "the user has a role in the project, but not the one for this call: writing needs _im-rw",
        todo: ["add the role <project uid>_im-rw to the user in Keycloak, then log in again"],
    },
    {
        text: "Unauthorized",
        from: API,
        cause: "no login, or one that has expired",
        todo: [
            "set EDGE_OS_EMF_USERNAME and EDGE_OS_EMF_PASSWORD, which are refreshed; a ready token is valid for an hour only",
        ],
    },
    {
        text: "invalid_grant",
        from: "Keycloak",
        cause: "user name or password are wrong, the user is disabled, or the client allows no password grants",
        todo: [
            "check both (EDGE_OS_EMF_USERNAME, EDGE_OS_EMF_PASSWORD), and the realm; the client is system-client unless set",
        ],
    },
    {
        text: "request timeout",
        from: API,
        cause: "EMF did not finish the call in 15 seconds (503); it may have been done all the same",
        todo: ["run again: what was done is found and not repeated"],
    },
    {
        text: "Request Entity Too Large",
        from: API,
        cause: "the body has more than 100,000 bytes",
        todo: ["shorten the certificate bundle or the cloud-init config"],
    },
    {
        text: "request body contains non printable characters",
        from: API,
        cause: "a byte-order mark, a zero-width or a control character in a value, often copied from a document",
        todo: ["type the value anew"],
    },
    {
        text: "OS type cannot be unspecified",
        from: API,
        cause: "osType is missing or not one of OS_TYPE_MUTABLE, OS_TYPE_IMMUTABLE",
        todo: ["set type: MUTABLE (Ubuntu) or IMMUTABLE (Edge Microvisor)"],
    },
    {
        text: "OS provider cannot be unspecified",
        from: API,
        cause: "osProvider is missing; older documents have names that are no longer known (OPERATING_SYSTEM_PROVIDER_INFRA)",
        todo: ["set provider: INFRA (OS_PROVIDER_KIND_INFRA)"],
    },
    {
        text: "either UUID or SerialNumber must be set",
        from: API,
        cause: "a host was registered with neither",
        todo: ["give serial, uuid or both"],
    },
    {
        text: 'readOnly property "<property>" in request',
        from: API,
        cause: "the body names a field that only EMF writes",
        todo: ["leave the field out"],
    },
    {
        text: "missing required edge <edge>",
        from: API,
        cause: "an object it belongs to is not named: an instance needs an OS profile",
        todo: ["give the instance its OS profile (osProfile)"],
    },
    {
        text: "invalid ResourceID",
        from: API,
        cause: "a name stands where EMF wants an id (host-…, os-…)",
        todo: ["give the id; the resources and edge-os look names up"],
    },
    {
        text: "UpdateHost <host> from <state> to <other> is not allowed",
        from: API,
        cause: "a host cannot go back: an onboarded one stays onboarded, a deauthorized one can only be deleted",
        todo: ['to start anew: EdgeHost with reimage: "allow"'],
    },
    {
        text: "doesn't match schema",
        from: API,
        cause: "a field has a form that EMF does not take; the part behind it names the rule",
        todo: [
            "check profiles with edge-os emf profile check, hosts with edge-os emf csv check: both name field and rule",
        ],
    },
];

/** What orch-cli says, for those who come from it. */
export const ORCH_CLI_TEXTS: readonly Explanation[] = [
    {
        text: "YAML does not conform to schema:<problems>",
        from: CLI,
        cause: "the file is not in the form of orch-cli, which differs from the guides' (osImageUrl, tlsCaCert, metadata as a map, platformBundle and osPackageManifestURL required)",
        todo: [
            "OsProfile.fromYaml takes both forms; edge-os emf profile check FILE tells what is wrong with the values",
        ],
    },
    {
        text: "metadata contains invalid character '<character>' at position <position>",
        from: CLI,
        cause: "metadata may have no upper-case letters and no plus sign: kernelVersion of the guides is not possible",
        todo: ["write kernelversion; OsProfile does that by itself"],
    },
    {
        text: "host already registered",
        from: CLI,
        cause: "the row was imported before; orch-cli does not continue what is there",
        todo: ["HostFleet with adopt: true takes such hosts over, and is repeatable"],
    },
    {
        text: "Host already registered with mismatching details",
        from: CLI,
        cause: "the serial number or the UUID belongs to another host",
        todo: ["edge-os emf inventory shows both; correct the CSV, or delete the wrong registration"],
    },
    {
        text: "Error not empty - invalid CSV entry",
        from: CLI,
        cause: "the file is an error file of an earlier import: its last column is not empty",
        todo: ["correct each row by its message, then clear the column"],
    },
    {
        text: "OS Profile and Security feature mismatch",
        from: CLI,
        cause: "Secure is true, but the profile's securityFeature is NONE",
        todo: ["use a profile that offers it, or set Secure to false"],
    },
    {
        text: "OS Profile <name> already exists",
        from: CLI,
        cause: "a profile of this name is already in the project",
        todo: ["give the new version a name of its own; or take the existing one over: adopt: true"],
    },
    {
        text: "no os profile matches the given name",
        from: CLI,
        cause: "no profile has exactly this name (profileName does not count)",
        todo: ["list the names: orch-cli list osprofile"],
    },
    {
        text: 'no site found with name "<name>"',
        from: CLI,
        cause: "no site has exactly this name",
        todo: ["check the name, or make the site: emf.Site"],
    },
    {
        text: "not logged in",
        from: CLI,
        cause: "orch-cli has no login, or it has expired (idle for 90 minutes, at most 12 hours)",
        todo: ["orch-cli login USER; this package logs in by itself and needs none"],
    },
];
