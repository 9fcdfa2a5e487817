"""Permission sets, through which a user comes to see new fields; what they grant is in `Org.settle`."""

from .field_builders import SYSTEM_FIELDS, checkbox, lookup, once, required, text
from .schema import SObject

PERMISSION_SET = SObject(
    "PermissionSet",
    "Permission Set",
    "Permission Sets",
    "0PS",
    (
        *SYSTEM_FIELDS,
        required(text("Name", "Permission Set Name", 80)),
        required(text("Label", "Permission Set Label", 80)),
        text("Description", "Description", 255),
    ),
)

_PARENT = once(
    required(lookup("ParentId", "Parent ID", "PermissionSet", "Parent", children="FieldPerms", cascade=True))
)

FIELD_PERMISSIONS = SObject(
    "FieldPermissions",
    "Field Permissions",
    "Field Permissions",
    "01k",
    (
        *SYSTEM_FIELDS,
        _PARENT,
        once(required(text("SobjectType", "Object", 80))),
        once(required(text("Field", "Field", 255))),
        checkbox("PermissionsRead", "Read Access"),
        checkbox("PermissionsEdit", "Edit Access"),
    ),
)

ASSIGNMENT = SObject(
    "PermissionSetAssignment",
    "Permission Set Assignment",
    "Permission Set Assignments",
    "0Pa",
    (
        *SYSTEM_FIELDS,
        once(
            required(
                lookup("PermissionSetId", "Permission Set", "PermissionSet", "PermissionSet", cascade=True)
            )
        ),
        once(required(lookup("AssigneeId", "Assignee", "User", "Assignee"))),
    ),
)

PERMISSION_OBJECTS = (PERMISSION_SET, FIELD_PERMISSIONS, ASSIGNMENT)
