-- A company file. Wall times are texts without an offset; money is whole cents; trees are JSON.

CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

-- Questions that the references leave open and that this file answers otherwise than usual.
CREATE TABLE rule (
    name TEXT PRIMARY KEY,
    position TEXT NOT NULL
);

-- The next number of each family of lists (the hexadecimal part of a ListID), of transactions and of TxnNumber.
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

-- Private data and custom fields. holder is "Company", "family/ListID" or "Txn/TxnID"; owner_id "0" marks custom fields.
CREATE TABLE data_ext (
    holder TEXT NOT NULL,
    owner_id TEXT NOT NULL,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (holder, owner_id, name)
) WITHOUT ROWID;

-- What private data and custom fields there can be; fields is JSON in the shape of DataExtDefRet.
CREATE TABLE data_ext_def (
    number INTEGER PRIMARY KEY,
    owner_id TEXT NOT NULL,
    name_key TEXT NOT NULL,
    fields TEXT NOT NULL
);
CREATE UNIQUE INDEX data_ext_def_name ON data_ext_def (owner_id COLLATE NOCASE, name_key);

-- Transactions. total and open are cents: what it comes to, and what of it is not paid or not used yet.
CREATE TABLE txn (
    txn_id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    number INTEGER NOT NULL,
    entity_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    txn_date TEXT NOT NULL,
    ref_number TEXT NOT NULL,
    ref_key TEXT NOT NULL,
    time_created TEXT NOT NULL,
    time_modified TEXT NOT NULL,
    edit_sequence TEXT NOT NULL,
    total INTEGER NOT NULL,
    open INTEGER NOT NULL,
    fields TEXT NOT NULL,
    lines TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX txn_modified ON txn (kind, time_modified);
CREATE INDEX txn_entity ON txn (entity_id, kind);
CREATE INDEX txn_ref ON txn (kind, ref_key);

-- The last RefNumber used by each kind of transaction.
CREATE TABLE ref_number (
    kind TEXT PRIMARY KEY,
    last TEXT NOT NULL
);

-- What of a payment or credit memo goes to which invoice, and the discount given with it; cents.
CREATE TABLE application (
    number INTEGER PRIMARY KEY,
    credit_id TEXT NOT NULL,
    target_id TEXT NOT NULL,
    amount INTEGER NOT NULL,
    discount INTEGER NOT NULL,
    discount_account TEXT NOT NULL,
    discount_class TEXT NOT NULL
);
CREATE INDEX application_credit ON application (credit_id);
CREATE INDEX application_target ON application (target_id);

-- What of an order's line was invoiced where; quantities in hundred-thousandths.
CREATE TABLE order_link (
    number INTEGER PRIMARY KEY,
    invoice_id TEXT NOT NULL,
    order_id TEXT NOT NULL,
    order_line_id TEXT NOT NULL,
    quantity INTEGER NOT NULL
);
CREATE INDEX order_link_order ON order_link (order_id);
CREATE INDEX order_link_invoice ON order_link (invoice_id);

-- Double entry: amount is cents, debits positive; those of one transaction add up to nothing.
CREATE TABLE posting (
    number INTEGER PRIMARY KEY,
    txn_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    entity_id TEXT NOT NULL,
    amount INTEGER NOT NULL
);
CREATE INDEX posting_txn ON posting (txn_id);

-- What a transaction did to stock: quantities in hundred-thousandths, value in cents.
CREATE TABLE movement (
    number INTEGER PRIMARY KEY,
    txn_id TEXT NOT NULL,
    item_id TEXT NOT NULL,
    on_hand INTEGER NOT NULL,
    on_order INTEGER NOT NULL,
    value INTEGER NOT NULL
);
CREATE INDEX movement_txn ON movement (txn_id);

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
