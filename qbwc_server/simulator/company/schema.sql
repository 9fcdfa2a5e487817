-- A company file. Wall times are texts without an offset; money is whole cents; trees are JSON.

CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

-- The next list number of each family of lists: the hexadecimal part of a ListID.
CREATE TABLE list_number (
    family TEXT PRIMARY KEY,
    next INTEGER NOT NULL
);

-- Customers and jobs, and every element of the other lists. A ListID is unique within its family only.
-- The balance of an account counts debits; its Ret shows it from the account's own side.
CREATE TABLE list_object (
    family TEXT NOT NULL,
    list_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    parent_id TEXT NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    full_name TEXT NOT NULL,
    full_name_key TEXT NOT NULL,
    sublevel INTEGER NOT NULL,
    is_active INTEGER NOT NULL,
    time_created TEXT NOT NULL,
    time_modified TEXT NOT NULL,
    edit_sequence TEXT NOT NULL,
    balance INTEGER NOT NULL,
    total_balance INTEGER NOT NULL,
    fields TEXT NOT NULL,
    PRIMARY KEY (family, list_id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX list_object_name ON list_object (family, parent_id, name_key);
CREATE INDEX list_object_full_name ON list_object (family, full_name_key);
CREATE INDEX list_object_modified ON list_object (kind, time_modified);

-- Deleted list elements and transactions; name is the FullName or the RefNumber.
CREATE TABLE deleted_object (
    number INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    time_created TEXT NOT NULL,
    time_deleted TEXT NOT NULL
);

-- What is held of an inventory item: quantities in hundred-thousandths, its value in cents.
CREATE TABLE stock (
    item_id TEXT PRIMARY KEY,
    on_hand INTEGER NOT NULL,
    on_order INTEGER NOT NULL,
    value INTEGER NOT NULL,
    average TEXT NOT NULL
) WITHOUT ROWID;

-- Private data and custom fields. holder is "Company" or "family/ListID"; owner_id "0" marks custom fields.
CREATE TABLE data_ext (
    holder TEXT NOT NULL,
    owner_id TEXT NOT NULL,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (holder, owner_id, name)
) WITHOUT ROWID;

-- Error recovery: the answer of a set under its newMessageSetID. NULL: begun, and never finished.
CREATE TABLE message_set (
    application TEXT NOT NULL,
    id TEXT NOT NULL,
    checksum TEXT NOT NULL,
    answer TEXT,
    PRIMARY KEY (application, id)
) WITHOUT ROWID;

CREATE TABLE request_count (
    name TEXT PRIMARY KEY,
    number INTEGER NOT NULL
);

CREATE TABLE fault (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    arguments TEXT NOT NULL,
    remaining INTEGER NOT NULL
);
