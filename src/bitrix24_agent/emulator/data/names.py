"""Names and words the seeded company is made of; every person and firm is invented."""

from __future__ import annotations

# first name, last name, position, department id
PEOPLE: tuple[tuple[str, str, str, int], ...] = (
    ("Anna", "Sorokina", "Managing director", 1),
    ("Marek", "Nowak", "Head of sales", 2),
    ("Olga", "Petrova", "Account manager", 2),
    ("Tomas", "Silva", "Account manager", 2),
    ("Lena", "Hoffmann", "Account manager", 2),
    ("Ivan", "Kravets", "Head of service", 3),
    ("Sofia", "Ramirez", "Service engineer", 3),
    ("Pavel", "Zimin", "Service engineer", 3),
    ("Julia", "Baker", "Marketing manager", 4),
    ("Daniel", "Costa", "Accountant", 5),
    ("Katarzyna", "Wilk", "Office manager", 5),
    ("Viktor", "Orlov", "Account manager", 2),
)

DEPARTMENTS: tuple[tuple[str, int | None, int], ...] = (
    ("Northwater Pumps", None, 1),
    ("Sales", 1, 2),
    ("Service", 1, 6),
    ("Marketing", 1, 9),
    ("Finance and office", 1, 10),
)

FIRST_NAMES = (
    "Adam", "Alice", "Boris", "Carla", "Diego", "Elena", "Felix", "Greta", "Hugo", "Irina",
    "Jonas", "Klara", "Luis", "Marta", "Nikolai", "Oksana", "Pedro", "Rita", "Stefan", "Tatiana",
    "Ursula", "Vera", "Walter", "Yana", "Zofia",
)  # fmt: skip
LAST_NAMES = (
    "Adler", "Bondar", "Castro", "Dvorak", "Egorov", "Fischer", "Garcia", "Horvat", "Ivanova",
    "Jansen", "Kowal", "Lopez", "Moreau", "Neumann", "Oliveira", "Pavlenko", "Quint", "Rossi",
    "Schmidt", "Turner", "Usova", "Vogel", "Weber", "Yilmaz", "Zieba",
)  # fmt: skip
POSTS = (
    "Buyer", "Chief engineer", "Director", "Technologist", "Facility manager", "Owner",
)  # fmt: skip

FIRMS = (
    "Alder Dairy", "Baltic Timber", "Brook Brewery", "Cedar Logistics", "Delta Farms",
    "Eastport Shipyard", "Fjord Seafood", "Granite Works", "Harbour Hotels", "Iris Cosmetics",
    "Juniper Bakery", "Kestrel Foods", "Lakeside Clinic", "Meridian Chemicals", "Novagrad Water",
    "Oakfield Paper", "Pinecrest Resort", "Quarry & Sons", "Riverbend Textiles",
    "Silverline Metro", "Tundra Energy", "Uplands Winery", "Valley Greenhouses", "Westgate Mall",
)  # fmt: skip
FIRM_FORMS = (
    "Ltd", "GmbH", "LLC", "S.A.", "Sp. z o.o.",
)  # fmt: skip

SUBJECTS = (
    "Pump station for the new hall", "Replacement of drain pumps", "Spare parts for the season",
    "Booster set, three units", "Annual supply of seals", "Fire-water pumps", "Irrigation pumps",
    "Heat exchanger and pumps", "Dosing pumps for the laundry",
    "Modernisation of the boiler room",
)  # fmt: skip
SERVICE_SUBJECTS = (
    "Maintenance contract", "Emergency repair", "Yearly inspection", "Commissioning",
    "Operator training",
)  # fmt: skip

PRODUCTS: tuple[tuple[str, float, str], ...] = (
    ("Centrifugal pump NW-40", 1180.0, "Pumps"),
    ("Centrifugal pump NW-65", 1790.0, "Pumps"),
    ("Drain pump ND-12", 420.0, "Pumps"),
    ("Booster set NB-3", 7450.0, "Pumps"),
    ("Dosing pump NX-2", 640.0, "Pumps"),
    ("Mechanical seal 32 mm", 58.5, "Spare parts"),
    ("Impeller NW-40", 145.0, "Spare parts"),
    ("Control cabinet NC-2", 980.0, "Automation"),
    ("Pressure sensor 0-16 bar", 92.0, "Automation"),
    ("Commissioning, one day", 560.0, "Services"),
    ("Maintenance visit", 310.0, "Services"),
    ("Operator training", 450.0, "Services"),
)

TASK_TITLES = (
    "Call {0} about the offer", "Send the contract to {0}", "Prepare drawings for {0}",
    "Agree the delivery date with {0}", "Collect payment from {0}", "Visit {0}",
    "Check the warranty case of {0}", "Update the price list for {0}",
)  # fmt: skip

CHATS: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("Sales", (1, 2, 3, 4, 5, 12)),
    ("Service and repairs", (1, 6, 7, 8)),
    ("General", (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)),
)
CHAT_LINES = (
    "Good morning! The price list for the autumn is on Drive.",
    "Alder Dairy asks when the booster set ships.",
    "It leaves the warehouse on Thursday.",
    "Thanks, I will tell them.",
    "Who can take the visit to Novagrad Water on Friday?",
    "I can, the whole afternoon is free.",
    "Please close your won deals before the month ends.",
    "Two new leads came from the trade show, I assigned them.",
    "The invoice for Harbour Hotels is paid.",
    "Great, starting the assembly.",
)
