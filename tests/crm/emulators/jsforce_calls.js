// Calls of jsforce against a running emulator; prints what came back as one JSON object.
const { Connection } = require('jsforce');

const [instanceUrl, accessToken] = process.argv.slice(2);

async function refusal(promise) {
  try {
    await promise;
    return null;
  } catch (error) {
    return { code: error.errorCode || error.name, message: error.message };
  }
}

async function main() {
  const conn = new Connection({ instanceUrl, accessToken, version: '64.0' });
  const account = conn.sobject('Account');
  const seen = {};
  seen.identity = await conn.identity();
  seen.created = await account.create({ Name: "Ray's Café", BillingStreet: 'One\nTwo' });
  seen.many = await account.create([{ Name: 'a' }, { Phone: 'nameless' }, { Name: 'c' }]);
  seen.row = await account.retrieve(seen.created.id);
  seen.rows = await account.retrieve([seen.created.id, seen.many[0].id]);
  seen.updated = await account.update({ Id: seen.created.id, Phone: '1' });
  seen.upserts = [
    await account.upsert({ QB_ListID__c: '80000001-1', Name: 'Listed' }, 'QB_ListID__c'),
    await account.upsert({ QB_ListID__c: '80000001-1', Name: 'Listed again' }, 'QB_ListID__c'),
  ];
  seen.upsertedMany = await account.upsert(
    [{ QB_ListID__c: '80000001-1', Phone: '2' }, { QB_ListID__c: '80000002-1', Name: 'Second' }],
    'QB_ListID__c',
  );
  seen.found = await account.find({ Name: { $like: "Ray's%" } }, ['Id', 'Name', 'Owner.Name']).sort('-Name').limit(5);
  seen.one = await account.findOne({ QB_ListID__c: '80000002-1' }, 'Id, Name');
  seen.count = await account.count({ Phone: { $ne: null } });
  const records = [];
  const query = conn.query('SELECT Id, Name FROM Account ORDER BY Name').on('record', (record) => records.push(record.Name));
  await query.run({ autoFetch: true });
  seen.streamed = records;
  const describe = await account.describe();
  seen.required = describe.fields.filter((f) => f.createable && !f.nillable && !f.defaultedOnCreate).map((f) => f.name);
  seen.objects = (await conn.describeGlobal()).sobjects.map((s) => s.name);
  seen.destroyed = await account.destroy(seen.many[0].id);
  seen.destroyedMany = await account.destroy([seen.many[2].id]);
  const book = await conn.sobject('Pricebook2').findOne({ IsStandard: true }, 'Id, Name');
  const product = await conn.sobject('Product2').create({ Name: 'Shingle', IsActive: true, QB_Item_Type__c: 'Service' });
  const entry = await conn.sobject('PricebookEntry').create({
    Pricebook2Id: book.Id, Product2Id: product.id, UnitPrice: 10.5, IsActive: true,
  });
  const deal = await conn.sobject('Opportunity').create({
    Name: 'Roof', StageName: 'Qualification', CloseDate: '2026-12-01', QB_Generate__c: 'Invoice',
  });
  await conn.sobject('OpportunityLineItem').create([
    { OpportunityId: deal.id, PricebookEntryId: entry.id, Quantity: 2, UnitPrice: 10.5 },
    { OpportunityId: deal.id, PricebookEntryId: entry.id, Quantity: 1, TotalPrice: 4 },
  ]);
  seen.deal = await conn.sobject('Opportunity').find({}, 'Id, Amount, Pricebook2.IsStandard')
    .include('OpportunityLineItems', {}, ['Quantity', 'TotalPrice', 'PricebookEntry.Product2.Name']).end();
  seen.invoice = await conn.sobject('QB_Invoice__c').upsert(
    { QB_TxnID__c: '1-1', QB_Opportunity__c: deal.id, QB_Total__c: 25, QB_Balance__c: 25, QB_Status__c: 'Open' },
    'QB_TxnID__c',
  );
  seen.ahead = await refusal(conn.sobject('PricebookEntry').create({
    Pricebook2Id: (await conn.sobject('Pricebook2').create({ Name: 'Partners' })).id,
    Product2Id: (await conn.sobject('Product2').create({ Name: 'Slate' })).id,
    UnitPrice: 1,
  }));
  seen.below = (await conn.sobject('Opportunity').describe()).childRelationships.map((c) => c.relationshipName);
  seen.made = await conn.tooling.sobject('CustomField').create({
    FullName: 'Account.QB_Colour__c', Metadata: { label: 'Colour', type: 'Text', length: 20 },
  });
  seen.listed = (await conn.tooling.query("SELECT Id FROM CustomField WHERE DeveloperName = 'QB_Colour'")).records;
  seen.limits = await conn.limits();
  seen.limitInfo = conn.limitInfo;
  seen.malformed = await refusal(conn.query('SELECT FROM Account'));
  seen.gone = await refusal(account.retrieve(seen.many[0].id));
  seen.duplicate = await refusal(account.create({ Name: 'x', QB_ListID__c: '80000001-1' }));
  process.stdout.write(JSON.stringify(seen));
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
