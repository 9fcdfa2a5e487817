"""The words that believable customers, items and addresses are made of."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST_NAMES = _words(
    "Aaron Adele Amelia Andre Anita Arthur Beatriz Bruno Carla Cecil Chloë Clara Colin Daniel Denise Dora Edgar "
    "Elena Emil Esther Felix Flora Frank Gavin Gloria Grace Hannah Harold Helen Hugo Ida Irene Ivan Jasmine Joan "
    "José Julia Karen Kurt Laura Leon Liam Lucy Marta Miles Mona Nadia Nelson Noah Nora Olga Oscar Paula Peter "
    "Quinn Ralph Renée Rosa Samuel Selma Simon Tessa Theo Ulla Umar Vera Victor Wanda Walter Xavier Yvonne "
    "Zachary"
)
LAST_NAMES = _words(
    "Abbott Acosta Andersen Bailey Becker Bishop Bowen Burke Calder Castillo Cho Conway Dalton Dawson Delgado "
    "Dorsey Duarte Eaton Ellison Engström Espinoza Fairbanks Farrell Fisher Fowler Fuentes Gaines García Gibbs "
    "Grady Haines Harlow Hobbs Huang Ingram Iverson Jacobs Jensen Jordan Kaplan Keller Kendrick Kowalski Lambert "
    "Larsen Leland Lindqvist Lowell Maddox Marsh Mercer Moreno Nash Navarro Norris Novak O'Brien Ogden Osborne "
    "Owens Palmer Pearce Pennington Pruitt Quigley Quintero Ramírez Reyes Rhodes Rowland Salazar Sato Schultz "
    "Sheridan Stokes Talbot Thornton Tran Tucker Underhill Upton Valdez Vance Vaughn Wallace Weaver Whitaker "
    "Winslow Yates York Young Zamora Zimmer"
)
TRADES = (
    "Plumbing",
    "Bakery",
    "Landscaping",
    "Dental Care",
    "Auto Repair",
    "Roofing",
    "Catering",
    "Interiors",
    "Electric",
    "Printing",
    "Cleaning",
    "Optics",
    "Carpentry",
    "Florists",
    "Masonry",
    "Upholstery",
)
STREETS = ("Main St", "Oak Ave", "Cedar Ln", "2nd St", "Highland Dr", "Mill Rd", "Park Blvd", "River Way")
# City, state, postal code, area code of its telephones.
PLACES = (
    ("Springfield", "IL", "62701", "217"),
    ("Portland", "OR", "97204", "503"),
    ("Austin", "TX", "78701", "512"),
    ("Burlington", "VT", "05401", "802"),
    ("Savannah", "GA", "31401", "912"),
    ("Boise", "ID", "83702", "208"),
    ("Fresno", "CA", "93721", "559"),
    ("Duluth", "MN", "55802", "218"),
    ("Tulsa", "OK", "74103", "918"),
    ("Albany", "NY", "12207", "518"),
)
JOBS = ("Kitchen", "Office move", "Spring contract", "Remodel", "Warranty work", "Phase 2")
TERMS = ("Net 15", "Net 30", "Due on receipt")
MATERIALS = ("Oak", "Steel", "Brass", "Maple", "Copper", "Glass", "Linen", "Granite")
THINGS = ("Shelf", "Hinge", "Panel", "Lamp", "Table", "Frame", "Bracket", "Door", "Knob", "Tile")
TASKS = ("Installation", "Delivery", "Repair", "Design", "Inspection", "Cleaning")
